import type { Clock } from '../system/clock.ts'
import { type Deadline, Deadlines } from '../wire/deadlines.ts'

interface Waiter {
  readonly from: number
  readonly bytes: number
  wake(change: 'changed' | DropReason): void
}

type DropReason = { error: unknown }

/** How long uploads of one receiver wait for their turn, and how much they may hold meanwhile. */
export interface ParkLimits {
  bytesMax: number
  msMax: number
}

/** Uploads of one stream that came before their turn: while an earlier one is written, or is still on its way. */
export class Turns {
  /** A range of this stream is being written. */
  busy = false
  /** Uploads that hold on to this, waiting or not. */
  users = 0
  readonly #waiting: Waiter[] = []

  get idle(): boolean {
    return !this.busy && this.#waiting.length === 0
  }

  /** In order of `from`; the earliest goes first when something changes. */
  add(waiter: Waiter): void {
    let at = this.#waiting.length
    while (at > 0 && this.#waiting[at - 1]!.from > waiter.from) at--
    this.#waiting.splice(at, 0, waiter)
  }

  remove(waiter: Waiter): void {
    const at = this.#waiting.indexOf(waiter)
    if (at !== -1) this.#waiting.splice(at, 1)
  }

  wakeAll(change: 'changed' | DropReason): void {
    for (const waiter of this.#waiting.splice(0)) waiter.wake(change)
  }
}

/** Holds uploads back until their turn: bounded in bytes over all streams, and in time. */
export class ParkingPlace {
  readonly #deadlines: Deadlines
  readonly #limits: ParkLimits
  #bytes = 0

  constructor(clock: Clock, limits: ParkLimits) {
    this.#deadlines = new Deadlines(clock, limits.msMax)
    this.#limits = limits
  }

  get bytes(): number {
    return this.#bytes
  }

  /**
   * Waits until something has changed in the stream.
   *
   * @returns `full` when there is no room to wait, `late` when nothing changed in time; rejects when an earlier range failed.
   */
  async wait(turns: Turns, range: { from: number; bytes: number }): Promise<'changed' | 'full' | 'late'> {
    if (this.#bytes + range.bytes > this.#limits.bytesMax) return 'full'
    this.#bytes += range.bytes
    let waiter: Waiter | undefined
    let deadline: Deadline | undefined
    try {
      return await new Promise((resolve, reject) => {
        waiter = { ...range, wake: change => (change === 'changed' ? resolve(change) : reject(change.error as Error)) }
        deadline = { late: () => resolve('late') }
        turns.add(waiter)
        this.#deadlines.set(deadline, this.#limits.msMax)
      })
    } finally {
      if (deadline) this.#deadlines.clear(deadline)
      if (waiter) turns.remove(waiter)
      this.#bytes -= range.bytes
    }
  }
}
