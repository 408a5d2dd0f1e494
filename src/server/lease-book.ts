import type { ChannelInbox } from './channel-inbox.ts'
import { Heap } from './heap.ts'
import type { ChannelLease } from './leases.ts'

/** Who holds leases: a port, as the book sees it. */
export interface LeaseHolder {
  /** The name the consumer gave itself, if it did: by it the next owner knows what it had. */
  readonly consumer?: string | undefined
  onLost: (leases: string[]) => void
}

/** One lease over all its channels. */
export interface BookedLease {
  readonly id: string
  /** Undefined: given by an earlier owner, and its consumer has not come back yet. */
  holder: LeaseHolder | undefined
  /** Ticks. */
  until: number
  readonly channels: Set<ChannelInbox>
}

/** The ends of so many leases that are over are kept, at least, before they are cleared out. */
const STALE_MIN = 64

/** Every lease that holds something: whose it is, and when it ends. */
export class LeaseBook {
  readonly #leases = new Map<string, BookedLease>()
  /** Also of some that are over. None of those that do not end yet. */
  #ends = new Heap<BookedLease>()

  get(id: string): BookedLease | undefined {
    return this.#leases.get(id)
  }

  add(lease: BookedLease): void {
    this.#leases.set(lease.id, lease)
    this.#note(lease)
  }

  /** The lease's new end. */
  set(lease: BookedLease, until: number): void {
    const before = lease.until
    lease.until = until
    if (until < before) this.#note(lease)
  }

  delete(id: string): void {
    this.#leases.delete(id)
    if (this.#ends.size > 2 * this.#leases.size + STALE_MIN) this.#clearOut()
  }

  /** Removes the lease if it holds nothing any more. */
  check(id: string): void {
    const lease = this.#leases.get(id)
    if (lease === undefined) return
    for (const channel of lease.channels) if (channel.state.leases.isHeld(id)) return
    this.delete(id)
  }

  all(): IterableIterator<BookedLease> {
    return this.#leases.values()
  }

  of(holder: LeaseHolder | undefined): BookedLease[] {
    return [...this.#leases.values()].filter(lease => lease.holder === holder)
  }

  /** Takes out those that have ended by `ticks`. */
  takeEnded(ticks: number): BookedLease[] {
    const ended: BookedLease[] = []
    for (let lease = this.#ends.popUpTo(ticks); lease !== undefined; lease = this.#ends.popUpTo(ticks)) {
      if (this.#leases.get(lease.id) !== lease) continue
      if (lease.until > ticks) this.#ends.push(lease.until, lease)
      else {
        this.#leases.delete(lease.id)
        ended.push(lease)
      }
    }
    return ended
  }

  /** Not later than the end of any of them, in ticks. */
  get firstEnd(): number | undefined {
    return this.#ends.first
  }

  #note(lease: BookedLease): void {
    if (lease.until !== Number.POSITIVE_INFINITY) this.#ends.push(lease.until, lease)
  }

  #clearOut(): void {
    this.#ends = new Heap()
    for (const lease of this.#leases.values()) this.#note(lease)
  }
}

/** The parts of a lease, channel by channel, that still hold something. */
export function partsOf(lease: BookedLease): { channel: ChannelInbox; part: ChannelLease }[] {
  return [...lease.channels].flatMap(channel => {
    const part = channel.state.leases.isHeld(lease.id) ? channel.state.leases.get(lease.id) : undefined
    return part === undefined ? [] : [{ channel, part }]
  })
}
