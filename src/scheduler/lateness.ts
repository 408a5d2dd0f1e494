/** Bounds of the counts, seconds, rising; what is later than the last has a count of its own. */
export const LATENESS_SECONDS: readonly number[] = [
  0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 10, 60, 3_600, 86_400
]

/** How late messages were handed over: counts, so that a message costs next to nothing. */
export class Lateness {
  readonly counts: number[] = Array.from({ length: LATENESS_SECONDS.length + 1 }, () => 0)
  seconds = 0
  /** Messages come in the order of their times: most are as late as the one before. */
  #at = 0

  /** @param ms 0 or more. */
  add(ms: number): void {
    const seconds = ms / 1_000
    while (this.#at > 0 && seconds <= LATENESS_SECONDS[this.#at - 1]!) this.#at--
    while (this.#at < LATENESS_SECONDS.length && seconds > LATENESS_SECONDS[this.#at]!) this.#at++
    this.counts[this.#at]!++
    this.seconds += seconds
  }
}
