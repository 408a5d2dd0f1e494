import type { Clock } from '../system/clock.ts'

/** Something that must happen in time. `late` is called once, when it has not. */
export interface Deadline {
  readonly late: () => void
}

const STEPS = 20
const STEP_MS_MIN = 5

/**
 * Time limits of many things that nearly always happen in time: one sleep for all of them, where a timer each would cost more
 * than the rest of an upload. What is late is told at most a twentieth of the limit late.
 */
export class Deadlines {
  readonly #clock: Clock
  readonly #ticksOf = new Map<Deadline, number>()
  readonly #stepMs: number
  #sleeping = false

  /** @param msUsual The shortest limit that will be set. */
  constructor(clock: Clock, msUsual: number) {
    this.#clock = clock
    this.#stepMs = Math.max(STEP_MS_MIN, Math.ceil(msUsual / STEPS))
  }

  /** From now on `deadline` has `ms`, whatever it had before. */
  set(deadline: Deadline, ms: number): void {
    this.#ticksOf.set(deadline, this.#clock.ticks() + ms)
    if (!this.#sleeping) void this.#watch()
  }

  clear(deadline: Deadline): void {
    this.#ticksOf.delete(deadline)
  }

  async #watch(): Promise<void> {
    this.#sleeping = true
    while (this.#ticksOf.size > 0) {
      await this.#clock.sleep(this.#stepMs)
      const now = this.#clock.ticks()
      for (const [deadline, ticks] of this.#ticksOf) {
        if (ticks > now) continue
        this.#ticksOf.delete(deadline)
        deadline.late()
      }
    }
    this.#sleeping = false
  }
}
