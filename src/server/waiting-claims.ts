import type { ChannelInbox } from './channel-inbox.ts'
import type { Asking } from './claims.ts'
import { Heap } from './heap.ts'

/** The deadlines of so many who went before their time are kept, at least, before they are cleared out. */
const STALE_MIN = 64

/**
 * Those who wait for messages: by channel in the order they asked, and by deadline. Thousands who wait for other channels cost
 * nobody anything.
 */
export class WaitingClaims {
  readonly #all = new Set<Asking>()
  readonly #byChannel = new Map<ChannelInbox, Set<Asking>>()
  /** Also some who have gone since. */
  #deadlines = new Heap<Asking>()
  /** Their time is over, but what they wait for is being read. */
  readonly #overdue = new Set<Asking>()

  add(asking: Asking): void {
    this.#all.add(asking)
    this.#deadlines.push(asking.deadline, asking)
    for (const channel of asking.channels) {
      const queue = this.#byChannel.get(channel)
      if (queue === undefined) this.#byChannel.set(channel, new Set([asking]))
      else queue.add(asking)
    }
  }

  /** True when it was still waiting. */
  remove(asking: Asking): boolean {
    if (!this.#all.delete(asking)) return false
    this.#overdue.delete(asking)
    for (const channel of asking.channels) {
      const queue = this.#byChannel.get(channel)
      queue?.delete(asking)
      if (queue?.size === 0) this.#byChannel.delete(channel)
    }
    if (this.#deadlines.size > 2 * this.#all.size + STALE_MIN) this.#clearOut()
    return true
  }

  /** Who has waited longest for something in a channel. */
  first(channel: ChannelInbox): Asking | undefined {
    return this.#byChannel.get(channel)?.values().next().value
  }

  in(channel: ChannelInbox): Asking[] {
    return [...(this.#byChannel.get(channel) ?? [])]
  }

  all(): Asking[] {
    return [...this.#all]
  }

  /** Takes out those whose time is over by `ticks`, but for those that `mayStay`: they are asked about again each time. */
  takeEnded(ticks: number, mayStay: (asking: Asking) => boolean): Asking[] {
    for (let next = this.#deadlines.popUpTo(ticks); next !== undefined; next = this.#deadlines.popUpTo(ticks))
      if (this.#all.has(next)) this.#overdue.add(next)
    const ended = [...this.#overdue].filter(asking => !mayStay(asking))
    for (const asking of ended) this.remove(asking)
    return ended
  }

  /** Not later than the earliest deadline of those whose time is not over, in ticks. */
  get firstDeadline(): number | undefined {
    return this.#deadlines.first
  }

  #clearOut(): void {
    this.#deadlines = new Heap()
    for (const asking of this.#all) if (!this.#overdue.has(asking)) this.#deadlines.push(asking.deadline, asking)
  }
}
