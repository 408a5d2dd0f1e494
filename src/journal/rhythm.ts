import type { Clock } from '../system/clock.ts'

/** What a commit that does not wait for its turn's end has at least. Before the first nobody knows how many are in flight. */
const EARLY_BYTES = { min: 4_096, first: 65_536 }
const AVERAGE_OF = 8

/**
 * When a commit begins that others wait behind: told by how long the last ones took.
 *
 * Those who are told of a commit mostly append again at once. Either all in flight go together, and encoding and writing take
 * turns; or in two halves, and one is encoded while the other is written. Halves take two writes for as many bytes, so all
 * together is faster while a write takes longer than encoding all of it.
 */
export class Rhythm {
  readonly #clock: Clock
  /** A commit begins before its turn of the loop is over once so much waits. */
  earlyBytes = EARLY_BYTES.first
  #writeMs = 0
  /** What a byte takes from being told until its sender has appended another: the application's time and ours. */
  #againMs = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * A commit of `bytes` was written in `ms`, while `waiting` bytes came.
   *
   * @returns True when those go at once; else those who are told now may come with them.
   */
  written(bytes: number, ms: number, waiting: number): boolean {
    const all = bytes + waiting
    this.#writeMs += (ms - this.#writeMs) / AVERAGE_OF
    const halves = this.#againMs * all >= this.#writeMs
    this.earlyBytes = Math.max(halves ? all / 2 : all, EARLY_BYTES.min)
    return halves && waiting >= all / 2
  }

  /** Those who waited for a commit of `bytes` are told now. */
  told(bytes: number): void {
    const since = this.#clock.ticks()
    this.#clock.soon(() => {
      this.#againMs += ((this.#clock.ticks() - since) / bytes - this.#againMs) / AVERAGE_OF
    })
  }
}
