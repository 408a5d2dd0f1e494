import type { Held } from './held.ts'

/** What one bucket holds. */
export interface ForecastRow {
  level: string
  bucket: string
  messages: number
  segments: number
  /** Wall ms, of the first and last message. */
  from: number
  to: number
}

/** What is to come, bucket by bucket, in the order of time. Reads nothing. */
export function forecastOf(all: Iterable<Held>): ForecastRow[] {
  const rows = new Map<string, ForecastRow>()
  for (const { folder, level, left, minDue, maxDue } of all) {
    if (left === 0) continue
    const bucket = folder.slice(folder.lastIndexOf('/') + 1)
    const row = rows.get(folder) ?? { level, bucket, messages: 0, segments: 0, from: minDue, to: maxDue }
    row.messages += left
    row.segments++
    row.from = Math.min(row.from, minDue)
    row.to = Math.max(row.to, maxDue)
    rows.set(folder, row)
  }
  return [...rows.values()].sort((a, b) => a.from - b.from)
}
