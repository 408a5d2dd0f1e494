import type { PositionRun } from './inbox-port.ts'

/** A set of positions as sorted, disjoint, half-open runs. Small for what comes in order, however much it is. */
export class Runs {
  readonly #runs: PositionRun[] = []

  constructor(runs: readonly PositionRun[] = []) {
    for (const [from, to] of runs) this.add(from, to)
  }

  get list(): readonly PositionRun[] {
    return this.#runs
  }

  /** How many positions. */
  get count(): number {
    return this.#runs.reduce((sum, [from, to]) => sum + to - from, 0)
  }

  add(from: number, to: number): void {
    if (from >= to) return
    const last = this.#runs.at(-1)
    if (last === undefined || last[1] < from) {
      this.#runs.push([from, to])
      return
    }
    const begin = this.#firstEndingFrom(from)
    let end = begin
    let low = from
    let high = to
    for (; end < this.#runs.length && this.#runs[end]![0] <= to; end++) {
      low = Math.min(low, this.#runs[end]![0])
      high = Math.max(high, this.#runs[end]![1])
    }
    this.#runs.splice(begin, end - begin, [low, high])
  }

  /** Whether every position of [from, to) is in. */
  covers(from: number, to: number): boolean {
    if (from >= to) return true
    const run = this.#runs[this.#firstEndingFrom(from + 1)]
    return run !== undefined && run[0] <= from && to <= run[1]
  }

  /** Whether any position of [from, to) is in. */
  touches(from: number, to: number): boolean {
    const run = this.#runs[this.#firstEndingFrom(from + 1)]
    return from < to && run !== undefined && run[0] < to
  }

  /** What of [from, to) is in. */
  common(from: number, to: number): PositionRun[] {
    const common: PositionRun[] = []
    for (let i = this.#firstEndingFrom(from + 1); i < this.#runs.length && this.#runs[i]![0] < to; i++)
      common.push([Math.max(from, this.#runs[i]![0]), Math.min(to, this.#runs[i]![1])])
    return common
  }

  /** What of [from, to) is not in. */
  gaps(from: number, to: number): PositionRun[] {
    const gaps: PositionRun[] = []
    let at = from
    for (let i = this.#firstEndingFrom(from + 1); i < this.#runs.length && this.#runs[i]![0] < to; i++) {
      const [begin, end] = this.#runs[i]!
      if (begin > at) gaps.push([at, begin])
      at = Math.max(at, end)
    }
    if (at < to) gaps.push([at, to])
    return gaps
  }

  /** Index of the first run that ends at or after `position`. */
  #firstEndingFrom(position: number): number {
    let low = 0
    let high = this.#runs.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#runs[middle]![1] < position) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** Adds a run to a list of ascending ones, joining it with the last where they meet. */
export function pushRun(runs: PositionRun[], from: number, to: number): void {
  const last = runs.at(-1)
  if (last !== undefined && last[1] === from) last[1] = to
  else runs.push([from, to])
}
