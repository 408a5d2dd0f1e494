import type { Clock } from './clock.ts'

/** A clock does not sleep longer than an hour. */
const SLEEP_MS_MAX = 3_600_000
/** Without a reason of its own, each abort makes an exception with a stack. */
const SET_AGAIN = 'set again'

/** One timer that can be set again. May ring early, never late: who hears it looks at the clock and sets it again. */
export class Alarm {
  readonly #clock: Clock
  readonly #ring: () => void
  #sleeping: { until: number } | undefined
  /** Ends a sleep; of use until it did. One for each sleep would cost more than the sleep. */
  #stop: AbortController | undefined
  #closed = false

  constructor(clock: Clock, ring: () => void) {
    this.#clock = clock
    this.#ring = ring
  }

  /** @param at In ticks. Undefined or infinite: nothing to wait for. */
  set(at: number | undefined): void {
    if (this.#closed || at === undefined || at === Number.POSITIVE_INFINITY) return
    if (this.#sleeping !== undefined) {
      if (this.#sleeping.until <= at) return
      this.#end()
    }
    const now = this.#clock.ticks()
    const until = Math.min(Math.max(at, now), now + SLEEP_MS_MAX)
    this.#sleeping = { until }
    this.#stop ??= new AbortController()
    void this.#sleep(this.#sleeping, until - now, this.#stop.signal)
  }

  close(): void {
    this.#closed = true
    this.#end()
  }

  #end(): void {
    const stop = this.#stop
    this.#sleeping = this.#stop = undefined
    stop?.abort(SET_AGAIN)
  }

  async #sleep(mine: { until: number }, ms: number, signal: AbortSignal): Promise<void> {
    await this.#clock.sleep(Math.ceil(ms), signal)
    if (this.#sleeping !== mine) return
    this.#sleeping = undefined
    this.#ring()
  }
}
