import type { Clock } from '../system/clock.ts'
import type { HeldRow } from './merge.ts'

/** What could not be handed over, until it is tried again. */
export class WaitingAgain {
  readonly #clock: Clock
  #batches: { rows: HeldRow[]; atTicks: number }[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(rows: HeldRow[], ms: number): void {
    this.#batches.push({ rows, atTicks: this.#clock.ticks() + ms })
  }

  /** Those whose time has come, which are taken out with this. */
  take(): HeldRow[] {
    const ticks = this.#clock.ticks()
    const ready = this.#batches.filter(({ atTicks }) => atTicks <= ticks)
    if (ready.length > 0) this.#batches = this.#batches.filter(({ atTicks }) => atTicks > ticks)
    return ready.flatMap(({ rows }) => rows)
  }

  /** All of them are tried next. */
  hurry(): void {
    for (const batch of this.#batches) batch.atTicks = 0
  }

  /** How long until the next is tried, ms. */
  get waitMs(): number {
    const ticks = this.#clock.ticks()
    return Math.min(...this.#batches.map(({ atTicks }) => Math.max(0, atTicks - ticks)))
  }

  get rows(): HeldRow[] {
    return this.#batches.flatMap(({ rows }) => rows)
  }
}
