/** How many wait, by age: a column for each span, each twice as long as the one before, and one for what is older. */
export interface AgeRow {
  /** outbox, inbox. */
  room: string
  /** Of the peer or channel. */
  name: string
  total: number
  /** Wall ms. */
  oldestAt: number
  /** One more than there are spans. */
  counts: number[]
}

/** Ends of the columns in ms: `first`, twice that, and so on. */
export function ageSpans(options: { firstMs: number; columns: number }): number[] {
  return Array.from({ length: options.columns }, (_, i) => options.firstMs * 2 ** i)
}

/** Counts messages by room, name and age; keeps none of them. */
export class Ages {
  readonly #spans: readonly number[]
  readonly #now: number
  readonly #rows = new Map<string, AgeRow>()

  /** @param now Wall ms. */
  constructor(spans: readonly number[], now: number) {
    this.#spans = spans
    this.#now = now
  }

  add(room: string, name: string, at: number): void {
    const key = `${room} ${name}`
    let row = this.#rows.get(key)
    if (row === undefined) {
      row = { room, name, total: 0, oldestAt: at, counts: [...this.#spans.map(() => 0), 0] }
      this.#rows.set(key, row)
    }
    row.total++
    row.oldestAt = Math.min(row.oldestAt, at)
    // What comes from a clock that is ahead of ours is young.
    const age = this.#now - at
    const column = this.#spans.findIndex(end => age <= end)
    row.counts[column === -1 ? this.#spans.length : column]!++
  }

  /** The fullest first. */
  rows(): AgeRow[] {
    return [...this.#rows.values()].sort((a, b) => b.total - a.total || (a.name < b.name ? -1 : 1))
  }
}

/** All rows of a room in one. */
export function sumOf(rows: readonly AgeRow[]): AgeRow {
  const [first] = rows
  const sum = { room: first!.room, name: 'all', total: 0, oldestAt: first!.oldestAt, counts: [] as number[] }
  for (const row of rows) {
    sum.total += row.total
    sum.oldestAt = Math.min(sum.oldestAt, row.oldestAt)
    row.counts.forEach((count, i) => {
      sum.counts[i] = (sum.counts[i] ?? 0) + count
    })
  }
  return sum
}
