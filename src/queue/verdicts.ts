import { DroprError } from '../errors.ts'
import type { Verdict, VerdictResult } from '../server/inbox-port.ts'
import type { Clock } from '../system/clock.ts'
import type { Log } from '../system/log.ts'
import type { InboxLink } from './inbox-link.ts'
import type { Lease, Leases } from './lease.ts'
import type { Part } from './part.ts'
import { extendLeases } from './renew.ts'
import { addPosition, mergedRuns } from './runs.ts'

/** What may be said with a verdict. */
export interface Said {
  afterMs?: number | undefined
  reason?: string | undefined
  result?: unknown
}

/** Positions of one stream, handed out by one lease, that got the same verdict. */
export interface Group {
  key: string
  lease: Lease
  verdict: Verdict
  pairs: number[]
  sent: boolean
  /** resolve, reject, ... of those who wait. Empty: nobody asked, so it is tried again when the disk refuses it. */
  waiters: (((error: DroprError) => void) | (() => void))[]
}

const GROUPS_MAX = 1_000
const AGAIN_MS = 1_000
const SAYS_NOTHING: Said = {}

/**
 * Gathers verdicts while the ones before are on their way, so that thousands share one call and one sync.
 *
 * A verdict starts a call if none runs, else joins the next. Positions with the same verdict travel as runs.
 */
export class Verdicts {
  readonly #link: InboxLink
  readonly #leases: Leases
  readonly #clock: Clock
  readonly #log: Log
  #groups: Group[] = []
  #byKey = new Map<string, Group>()
  #flight: Promise<void> | undefined
  #closing = new AbortController()

  constructor(options: { link: InboxLink; leases: Leases; clock: Clock; log: Log }) {
    this.#link = options.link
    this.#leases = options.leases
    this.#clock = options.clock
    this.#log = options.log
  }

  /** A verdict nobody waits for. Tried again while the lease lasts when it cannot be stored. */
  quiet(part: Part, index: number, verdict: Verdict['verdict'], said = SAYS_NOTHING): void {
    const group = this.#groupOf(part, verdict, said, false)
    addPosition(group.pairs, part.run.from + index)
    this.#start()
  }

  /** Resolves when the verdict is synced. Rejects with LEASE_LOST when it came too late. */
  give(part: Part, index: number, verdict: Verdict['verdict'], said: Said): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      const group = this.#groupOf(part, verdict, said, true)
      addPosition(group.pairs, part.run.from + index)
      group.waiters.push(resolve, reject)
      this.#start()
    })
  }

  /** Makes a lease end `ms` from now. False when it was over. */
  async extend(lease: Lease, ms: number): Promise<boolean> {
    await extendLeases({ link: this.#link, leases: this.#leases, clock: this.#clock }, [lease], ms)
    return !lease.lost
  }

  /** Resolves when all that was given has an answer. */
  async idle(): Promise<void> {
    while (this.#flight !== undefined) await this.#flight
  }

  /** No more tries for what nobody waits for. */
  close(): void {
    this.#closing.abort()
  }

  /** Most verdicts are acks that say nothing more: their group is at hand. */
  #groupOf(part: Part, verdict: Verdict['verdict'], said: Said, awaited: boolean): Group {
    if (verdict !== 'ack' || said.result !== undefined) return this.#group(part, verdict, said, awaited)
    const last = awaited ? part.ackAwaited : part.acks
    if (last !== undefined && !last.sent) return last
    const group = this.#group(part, verdict, said, awaited)
    if (awaited) part.ackAwaited = group
    else part.acks = group
    return group
  }

  #group(part: Part, verdict: Verdict['verdict'], said: Said, awaited: boolean): Group {
    const { lease, run } = part
    const { afterMs, reason, result } = said
    const key =
      result === undefined ? JSON.stringify([lease.id, run.channel, run.stream, verdict, awaited, afterMs, reason]) : '' // a result is one message's own
    const known = this.#byKey.get(key)
    if (known !== undefined) return known
    const group: Group = {
      key,
      lease,
      verdict: {
        lease: lease.id,
        stream: run.stream,
        channel: run.channel,
        runs: [],
        verdict,
        ...(afterMs !== undefined && { afterMs }),
        ...(reason !== undefined && { reason }),
        ...(result !== undefined && { result })
      },
      pairs: [],
      sent: false,
      waiters: []
    }
    this.#groups.push(group)
    if (key !== '') this.#byKey.set(key, group)
    return group
  }

  #start(): void {
    if (this.#flight !== undefined) return
    // What the same turn still has to say goes along.
    this.#flight = Promise.resolve().then(() => this.#fly())
  }

  async #fly(): Promise<void> {
    while (this.#groups.length > 0) {
      const groups = this.#groups.splice(0, GROUPS_MAX)
      for (const group of groups) {
        group.sent = true
        this.#byKey.delete(group.key)
        group.verdict.runs = mergedRuns(group.pairs)
      }
      try {
        const results = await this.#link.use(port => port.settle(groups.map(group => group.verdict)))
        for (const [i, group] of groups.entries()) this.#answered(group, results[i])
      } catch (error) {
        this.#failed(groups, typed(error))
      }
    }
    this.#flight = undefined
  }

  #answered(group: Group, result: VerdictResult | undefined): void {
    const { lease, waiters, verdict } = group
    for (const [from, to] of verdict.runs) lease.open -= to - from
    if (lease.open <= 0) this.#leases.remove(lease)
    const late = result !== 'ok'
    if (late) {
      const fields = { code: 'LEASE_LOST', channel: verdict.channel, lease: lease.id, verdict: verdict.verdict }
      this.#log.warn(fields, 'a verdict came after its lease was over; the message is handed out again')
    }
    tell(waiters, late ? new DroprError('LEASE_LOST', `lease ${lease.id} was over before the verdict`) : undefined)
  }

  #failed(groups: readonly Group[], error: DroprError): void {
    this.#log.warn({ code: error.code, error: error.message }, 'verdicts could not be stored')
    const again: Group[] = []
    for (const group of groups) {
      if (group.waiters.length > 0) tell(group.waiters, error)
      else again.push(group)
    }
    if (again.length > 0 && error.retry && !this.#closing.signal.aborted) void this.#again(again)
  }

  async #again(groups: readonly Group[]): Promise<void> {
    await this.#clock.sleep(AGAIN_MS, this.#closing.signal)
    if (this.#closing.signal.aborted) return
    const open = groups.filter(group => !group.lease.lost)
    if (open.length === 0) return
    this.#groups.push(...open)
    this.#start()
  }
}

function tell(waiters: Group['waiters'], error: DroprError | undefined): void {
  for (let i = 0; i < waiters.length; i += 2) {
    if (error === undefined) (waiters[i] as () => void)()
    else (waiters[i + 1] as (error: DroprError) => void)(error)
  }
}

function typed(error: unknown): DroprError {
  return error instanceof DroprError ? error : new DroprError('UNEXPECTED', 'verdicts could not be given', error)
}
