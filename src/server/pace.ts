/** What may go at once after a rest: so much of a second's worth, and one message at least. */
const BURST_SECONDS = 0.05
/** Waits are worth no less, so that a fast channel is not served one by one. */
const WAIT_SECONDS = 0.01

/**
 * Hands out no more than so many a second, on monotonic ticks: over any time t, at most t × the rate, and the little that a
 * rest has saved. Never early: what is there counts in whole messages.
 */
export class Pace {
  #saved = Number.POSITIVE_INFINITY
  #ticks = 0

  /** Whole messages that may go now. */
  allowed(perSecond: number, ticks: number): number {
    const most = Math.max(1, perSecond * BURST_SECONDS)
    this.#saved = Math.min(most, this.#saved + ((ticks - this.#ticks) / 1_000) * perSecond)
    this.#ticks = ticks
    return Math.max(0, Math.floor(this.#saved))
  }

  /** So many went; or, below zero, did not go after all. */
  spend(count: number): void {
    this.#saved -= count
  }

  /** Ticks when some may go, right after `allowed` has said that none may. */
  next(perSecond: number): number {
    const wanted = Math.max(1, perSecond * WAIT_SECONDS)
    return this.#ticks + Math.ceil(((wanted - this.#saved) / perSecond) * 1_000)
  }
}
