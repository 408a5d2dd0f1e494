/** Something that will happen at a simulated moment. */
export interface SimEvent {
  /** Monotonic ms of the world. */
  readonly atMs: number
  /** Among events of one moment, the order in which they were asked for. */
  readonly order: number
  run: () => void
  cancelled: boolean
}

/** Events in the order of their moments: a binary heap. */
export class SimQueue {
  readonly #heap: SimEvent[] = []
  #order = 0
  #cancelled = 0

  /** Events that will happen: those cancelled do not count. */
  get size(): number {
    return this.#heap.length - this.#cancelled
  }

  add(atMs: number, run: () => void): SimEvent {
    const event: SimEvent = { atMs, order: this.#order++, run, cancelled: false }
    const heap = this.#heap
    let at = heap.push(event) - 1
    while (at > 0) {
      const above = (at - 1) >> 1
      if (before(heap[above]!, event)) break
      heap[at] = heap[above]!
      at = above
    }
    heap[at] = event
    return event
  }

  cancel(event: SimEvent): void {
    if (!event.cancelled) this.#cancelled++
    event.cancelled = true
    // It lies here until its moment comes: what it would have done must not.
    event.run = nothing
  }

  /** The next event, which stays. */
  peek(): SimEvent | undefined {
    while (this.#heap[0]?.cancelled) {
      this.#take()
      this.#cancelled--
    }
    return this.#heap[0]
  }

  /** The next event, which leaves. */
  take(): SimEvent | undefined {
    const event = this.peek()
    if (event) {
      this.#take()
      // Cancelling what has happened must not count.
      event.cancelled = true
    }
    return event
  }

  #take(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (!last || heap.length === 0) return
    let at = 0
    for (;;) {
      let below = 2 * at + 1
      if (below >= heap.length) break
      if (below + 1 < heap.length && before(heap[below + 1]!, heap[below]!)) below++
      if (before(last, heap[below]!)) break
      heap[at] = heap[below]!
      at = below
    }
    heap[at] = last
  }
}

function nothing(): void {
  // was cancelled
}

function before(one: SimEvent, other: SimEvent): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order)
}
