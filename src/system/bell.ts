import { Alarm } from './alarm.ts'
import type { Clock } from './clock.ts'

/**
 * A wait that others may end: by ringing, which only who waits hears. One waits at a time.
 *
 * Many waits share a timer: one set for an earlier end may run out first, and is set again.
 */
export class Bell {
  readonly #clock: Clock
  readonly #alarm: Alarm
  #waiting: { until: number; end: (rung: boolean) => void } | undefined
  #closed = false

  constructor(clock: Clock) {
    this.#clock = clock
    this.#alarm = new Alarm(clock, () => this.#look())
  }

  /** Resolves after `ms`, with false; or with true when somebody rings before. */
  wait(ms: number): Promise<boolean> {
    if (this.#closed) return Promise.resolve(true)
    return new Promise(end => {
      const until = this.#clock.ticks() + ms
      this.#waiting = { until, end }
      this.#alarm.set(until)
    })
  }

  ring(): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.end(true)
  }

  /** Rings, and for whoever comes later. */
  close(): void {
    this.#closed = true
    this.#alarm.close()
    this.ring()
  }

  #look(): void {
    const waiting = this.#waiting
    if (waiting === undefined) return
    if (this.#clock.ticks() < waiting.until) {
      this.#alarm.set(waiting.until)
      return
    }
    this.#waiting = undefined
    waiting.end(false)
  }
}
