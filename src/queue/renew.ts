import { Bell } from '../system/bell.ts'
import type { Clock } from '../system/clock.ts'
import type { Log } from '../system/log.ts'
import type { InboxLink } from './inbox-link.ts'
import type { Lease, Leases } from './lease.ts'

interface Desk {
  link: InboxLink
  leases: Leases
  clock: Clock
}

/** Makes leases of the same length end `ms` from now; those that were over are lost from now on. */
export async function extendLeases(desk: Desk, leases: readonly Lease[], ms: number): Promise<void> {
  const asked = desk.clock.ticks()
  const ids = leases.map(lease => lease.id)
  const { lost, untilWall } = await desk.link.use(port => port.extend(ids, ms))
  for (const lease of leases) {
    lease.until = untilWall
    lease.untilTicks = asked + ms
  }
  desk.leases.lose(lost)
  for (const lease of leases) if (lost.includes(lease.id)) lease.lose()
}

/** Of a lease's length: two renewals may fail before it is over. */
const RENEWALS_A_LEASE = 3
/** After a renewal failed. */
const TRIES_A_LEASE = 12
const SLEEP_MS_MAX = 3_600_000

/** Renews leases while what they hold is being worked on. One loop for all, and none when there is nothing to renew. */
export class Renewer {
  readonly #desk: Desk
  readonly #log: Log
  /** When each is due, in ticks. */
  readonly #due = new Map<Lease, number>()
  readonly #bell: Bell
  /** Ticks. */
  #sleepsUntil = 0
  #running = false
  #closed = false

  constructor(desk: Desk, log: Log) {
    this.#desk = desk
    this.#bell = new Bell(desk.clock)
    this.#log = log
  }

  add(lease: Lease): void {
    const due = lease.untilTicks - lease.ms + lease.ms / RENEWALS_A_LEASE
    this.#due.set(lease, due)
    if (this.#running) {
      if (due < this.#sleepsUntil) this.#bell.ring()
      return
    }
    this.#running = true
    void this.#run()
  }

  remove(lease: Lease): void {
    this.#due.delete(lease)
  }

  close(): void {
    this.#closed = true
    this.#due.clear()
    this.#bell.close()
  }

  async #run(): Promise<void> {
    const { clock } = this.#desk
    while (this.#due.size > 0 && !this.#closed) {
      const now = clock.ticks()
      const soonest = this.#soonest()
      if (soonest > now) await this.#sleep(soonest, Math.min(Math.ceil(soonest - now), SLEEP_MS_MAX))
      else await this.#renew(now)
    }
    this.#running = false
  }

  /** Forgets leases with nothing left to work on, on the way. */
  #soonest(): number {
    let soonest = Number.POSITIVE_INFINITY
    for (const [lease, due] of this.#due) {
      if (lease.lost || lease.open <= 0) this.#due.delete(lease)
      else if (due < soonest) soonest = due
    }
    return this.#due.size === 0 ? 0 : soonest
  }

  async #sleep(until: number, ms: number): Promise<void> {
    this.#sleepsUntil = until
    await this.#bell.wait(ms)
    this.#sleepsUntil = 0
  }

  async #renew(now: number): Promise<void> {
    const byLength = new Map<number, Lease[]>()
    for (const [lease, due] of this.#due) {
      if (due > now) continue
      const same = byLength.get(lease.ms)
      if (same === undefined) byLength.set(lease.ms, [lease])
      else same.push(lease)
    }
    for (const [ms, leases] of byLength) {
      try {
        await extendLeases(this.#desk, leases, ms)
        for (const lease of leases) this.#next(lease, now + ms / RENEWALS_A_LEASE)
      } catch (error) {
        this.#log.warn(
          { code: (error as { code?: unknown }).code, leases: leases.length },
          'leases could not be renewed'
        )
        for (const lease of leases) {
          if (lease.untilTicks <= now) lease.lose()
          this.#next(lease, now + ms / TRIES_A_LEASE)
        }
      }
    }
  }

  #next(lease: Lease, due: number): void {
    if (this.#due.has(lease)) this.#due.set(lease, due)
  }
}
