import { Alarm } from '../system/alarm.ts'
import type { Clock } from '../system/clock.ts'
import { Silence } from './silence.ts'

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

  /** Gives the answer; rejects with Silence when there is none after `ms`. */
  within<T>(ms: number, answer: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const asked: Asked = { until: this.#clock.ticks() + ms, tooLate: () => reject(new Silence(ms)) }
      this.#asked.add(asked)
      this.#alarm.set(asked.until)
      answer.then(resolve, reject).finally(() => this.#asked.delete(asked))
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
