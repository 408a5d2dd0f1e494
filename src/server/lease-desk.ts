import type { Clock } from '../system/clock.ts'
import type { ChannelInbox } from './channel-inbox.ts'
import type { KeepMark } from './inbox-marks.ts'
import { type BookedLease, LeaseBook, type LeaseHolder, partsOf } from './lease-book.ts'

/** How long an owner waits for the consumers of the one before it, which hold leases, to come back. */
export const GRACE_MS = 2_000

/** What becomes of leases besides verdicts: they are made longer, given back, inherited, or they end. */
export class LeaseDesk {
  readonly book = new LeaseBook()
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Leases of earlier owners: those of consumers that died with their owner end now, the others wait for theirs. */
  inherit(channels: readonly ChannelInbox[]): void {
    const ticks = this.#clock.ticks()
    for (const channel of channels) {
      for (const part of channel.state.leases.held()) {
        const until = part.own ? ticks : ticks + GRACE_MS
        const lease = this.book.get(part.id)
        if (lease === undefined) this.book.add({ id: part.id, holder: undefined, until, channels: new Set([channel]) })
        else lease.channels.add(channel)
      }
    }
  }

  /** A consumer that an earlier owner gave leases to says which it still holds, and for how long. Gives those it does not. */
  adopt(holder: LeaseHolder, held: readonly { lease: string; remainingMs: number }[]): string[] {
    const ticks = this.#clock.ticks()
    const lost: string[] = []
    for (const { lease: id, remainingMs } of held) {
      const lease = this.book.get(id)
      if (lease === undefined || (lease.holder !== undefined && lease.holder !== holder)) lost.push(id)
      else {
        lease.holder = holder
        this.book.set(lease, ticks + Math.max(0, remainingMs))
      }
    }
    return lost
  }

  async extend(ids: readonly string[], leaseMs: number): Promise<{ lost: string[]; untilWall: number }> {
    const untilWall = this.#clock.now() + leaseMs
    const lost: string[] = []
    const written: Promise<void>[] = []
    for (const id of ids) {
      const lease = this.book.get(id)
      if (lease === undefined) {
        lost.push(id)
        continue
      }
      this.book.set(lease, this.#clock.ticks() + leaseMs)
      for (const { channel, part } of partsOf(lease)) {
        part.untilWall = untilWall
        written.push(channel.journal.mark({ m: 'keep', l: id, u: untilWall }))
      }
    }
    await Promise.all(written)
    return { lost, untilWall }
  }

  /** Gives back all that a consumer holds. Resolves when synced. */
  async release(holder: LeaseHolder): Promise<void> {
    const leases = this.book.of(holder)
    await Promise.all(
      leases.flatMap(lease => partsOf(lease).map(({ channel, part }) => channel.verdicts.release(part)))
    )
    for (const { id } of leases) this.book.check(id)
  }

  /** A consumer died: what it holds comes back at once, as a failed attempt. */
  gone(holder: LeaseHolder): void {
    for (const lease of this.book.of(holder)) this.#lapse(lease, 'consumer gone')
  }

  /** Ends the leases whose time is over. */
  endDue(): void {
    for (const lease of this.book.takeEnded(this.#clock.ticks()))
      this.#lapse(lease, lease.holder === undefined ? 'consumer gone' : 'lease ended')
  }

  /** This process goes on: what it holds itself must not be taken for a dead one's. */
  async keepOwn(channels: readonly ChannelInbox[]): Promise<void> {
    const marks: Promise<void>[] = []
    for (const channel of channels)
      for (const { id, own, untilWall } of channel.state.leases.held())
        if (own) marks.push(channel.journal.mark({ m: 'keep', l: id, u: untilWall, o: 0 } satisfies KeepMark))
    await Promise.all(marks)
  }

  #lapse(lease: BookedLease, reason: string): void {
    this.book.delete(lease.id)
    for (const { channel, part } of partsOf(lease)) channel.verdicts.lapse(part, reason)
    lease.holder?.onLost([lease.id])
  }
}
