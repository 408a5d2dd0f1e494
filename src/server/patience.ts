import { Alarm } from '../system/alarm.ts'
import type { Clock } from '../system/clock.ts'
import { Silence } from './silence.ts'

/** An owner that answers nothing for so long is stopped, or as good as. */
export const ANSWER_MS_MAX = 10_000

interface Asked {
  /** Ticks. */
  until: number
  tooLate: () => void
}

/**
 * Answers must come in time: a process that is stopped takes calls and answers none. It is the owner all the same, and nobody may
 * take its place.
 *
 * One timer for all that was asked: a timer for each would cost more than the question.
 */
export class Patience {
  readonly #clock: Clock
  readonly #alarm: Alarm
  readonly #asked = new Set<Asked>()

  constructor(clock: Clock) {
    this.#clock = clock
    this.#alarm = new Alarm(clock, () => this.#look())
  }

  /**
   * Gives the answer; rejects with Silence when there is none after `ms`, nor `ANSWER_MS_MAX` after `signal` aborted: whoever asked
   * has said by then that he waits no longer.
   */
  within<T>(ms: number, answer: Promise<T>, signal?: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      const begun = this.#clock.ticks()
      const tooLate = () => reject(new Silence(this.#clock.ticks() - begun))
      const asked: Asked = { until: begun + ms, tooLate }
      const hurry = () => {
        asked.until = Math.min(asked.until, this.#clock.ticks() + ANSWER_MS_MAX)
        this.#alarm.set(asked.until)
      }
      this.#asked.add(asked)
      this.#alarm.set(asked.until)
      signal?.addEventListener('abort', hurry)
      answer.then(resolve, reject).finally(() => {
        this.#asked.delete(asked)
        signal?.removeEventListener('abort', hurry)
      })
    })
  }

  #look(): void {
    const now = this.#clock.ticks()
    let next = Number.POSITIVE_INFINITY
    for (const asked of this.#asked) {
      if (asked.until > now) next = Math.min(next, asked.until)
      else {
        this.#asked.delete(asked)
        asked.tooLate()
      }
    }
    this.#alarm.set(next)
  }
}
