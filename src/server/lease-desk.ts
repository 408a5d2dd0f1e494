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
  readonly #mayBeThere: () => boolean
  /** Leases of channels that could not be opened yet: their consumers came back before them. */
  readonly #claimed = new Map<string, { holder: LeaseHolder; until: number }>()

  /** @param mayBeThere Whether a lease that nobody knows may be of a channel that is not open. */
  constructor(clock: Clock, mayBeThere: () => boolean = () => false) {
    this.#clock = clock
    this.#mayBeThere = mayBeThere
  }

  /** Leases of earlier owners: those of consumers that died with their owner end now, the others wait for theirs. */
  inherit(channels: readonly ChannelInbox[]): void {
    const ticks = this.#clock.ticks()
    for (const channel of channels) {
      for (const part of channel.state.leases.held()) {
        const until = part.own ? ticks : ticks + GRACE_MS
        const lease = this.book.get(part.id)
        const channels = new Set([channel])
        const claimed = this.#claimed.get(part.id)
        if (lease !== undefined) lease.channels.add(channel)
        else if (claimed === undefined) this.book.add({ id: part.id, holder: undefined, until, channels })
        else this.book.add({ id: part.id, ...claimed, channels })
        this.#claimed.delete(part.id)
      }
    }
  }

  /** A consumer that an earlier owner gave leases to says which it still holds, and for how long. Gives those it does not. */
  async adopt(holder: LeaseHolder, held: readonly { lease: string; remainingMs: number }[]): Promise<string[]> {
    const ticks = this.#clock.ticks()
    const lost: string[] = []
    for (const { lease: id, remainingMs } of held) {
      const lease = this.book.get(id)
      const until = ticks + Math.max(0, remainingMs)
      if (lease === undefined && this.#mayBeThere()) this.#claimed.set(id, { holder, until })
      else if (lease === undefined || (lease.holder !== undefined && lease.holder !== holder)) lost.push(id)
      else {
        lease.holder = holder
        this.book.set(lease, until)
      }
    }
    await this.#giveBackUnheard(holder, new Set(held.map(({ lease }) => lease)))
    return lost
  }

  /** What a consumer was given by the owner before, whose answer never reached it, waits again in its place: before it asks on. */
  async #giveBackUnheard(holder: LeaseHolder, held: ReadonlySet<string>): Promise<void> {
    if (holder.consumer === undefined) return
    const unheard = this.book
      .of(undefined)
      .filter(lease => !held.has(lease.id) && partsOf(lease).every(({ part }) => part.consumer === holder.consumer))
    // What cannot be written now comes back when the grace is over.
    await Promise.allSettled(
      unheard.flatMap(lease => partsOf(lease).map(({ channel, part }) => channel.verdicts.release(part)))
    )
    for (const { id } of unheard) this.book.check(id)
  }

  async extend(ids: readonly string[], leaseMs: number): Promise<{ lost: string[]; untilWall: number }> {
    const untilWall = this.#clock.now() + leaseMs
    const lost: string[] = []
    const written: Promise<void>[] = []
    for (const id of ids) {
      const lease = this.book.get(id)
      const claimed = this.#claimed.get(id)
      if (claimed !== undefined) claimed.until = this.#clock.ticks() + leaseMs
      if (lease === undefined) {
        if (claimed === undefined) lost.push(id)
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
    this.#unclaim(holder)
    await Promise.all(
      leases.flatMap(lease => partsOf(lease).map(({ channel, part }) => channel.verdicts.release(part)))
    )
    for (const { id } of leases) this.book.check(id)
  }

  /** A consumer died: what it holds comes back at once, as a failed attempt. */
  gone(holder: LeaseHolder): void {
    this.#unclaim(holder)
    for (const lease of this.book.of(holder)) this.#lapse(lease, 'consumer gone')
  }

  /** Ends the leases whose time is over. */
  endDue(): void {
    const ticks = this.#clock.ticks()
    for (const lease of this.book.takeEnded(ticks))
      this.#lapse(lease, lease.holder === undefined ? 'consumer gone' : 'lease ended')
    for (const [id, { holder, until }] of this.#claimed) {
      if (until > ticks) continue
      this.#claimed.delete(id)
      holder.onLost([id])
    }
  }

  /** Not later than the end of any lease, in ticks. */
  get firstEnd(): number | undefined {
    let first = this.book.firstEnd
    for (const { until } of this.#claimed.values()) if (first === undefined || until < first) first = until
    return first
  }

  /** This process goes on: what it holds itself must not be taken for a dead one's. */
  async keepOwn(channels: readonly ChannelInbox[]): Promise<void> {
    const marks: Promise<void>[] = []
    for (const channel of channels)
      for (const part of channel.state.leases.held()) {
        if (!part.own) continue
        part.own = false
        marks.push(channel.journal.mark({ m: 'keep', l: part.id, u: part.untilWall, o: 0 } satisfies KeepMark))
      }
    await Promise.all(marks)
  }

  #unclaim(holder: LeaseHolder): void {
    for (const [id, claimed] of this.#claimed) if (claimed.holder === holder) this.#claimed.delete(id)
  }

  #lapse(lease: BookedLease, reason: string): void {
    this.book.delete(lease.id)
    for (const { channel, part } of partsOf(lease)) channel.verdicts.lapse(part, reason)
    lease.holder?.onLost([lease.id])
  }
}
