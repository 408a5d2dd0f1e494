import type { Cursor } from './cursor.ts'
import type { HeldRow } from './rows.ts'

export type { HeldRow } from './rows.ts'

/**
 * The next rows over all cursors, in the order in which messages go out, up to those due at `until`.
 *
 * A cursor is followed for as long as no other is before it: most hold a stretch of time of their own.
 */
export async function takeMerged(
  cursors: readonly Cursor[],
  bounds: { until: number; rowsMax: number; bytesMax: number }
): Promise<HeldRow[]> {
  const taken: HeldRow[] = []
  let bytes = 0
  await Promise.all(cursors.map(cursor => cursor.load()))
  while (taken.length < bounds.rowsMax && bytes < bounds.bytesMax) {
    const [first, second] = firstTwo(cursors)
    if (first === undefined || first.due! > bounds.until) break
    do {
      const row = first.take()
      taken.push(row)
      bytes += row.bytes
      if (first.due === undefined) break
    } while (
      first.due <= bounds.until &&
      (second === undefined || isBefore(first, second)) &&
      taken.length < bounds.rowsMax &&
      bytes < bounds.bytesMax
    )
    if (first.due === undefined) await first.load()
  }
  return taken
}

function firstTwo(cursors: readonly Cursor[]): [Cursor | undefined, Cursor | undefined] {
  let first: Cursor | undefined
  let second: Cursor | undefined
  for (const cursor of cursors) {
    if (cursor.due === undefined) continue
    if (first === undefined || isBefore(cursor, first)) {
      second = first
      first = cursor
    } else if (second === undefined || isBefore(cursor, second)) second = cursor
  }
  return [first, second]
}

function isBefore(a: Cursor, b: Cursor): boolean {
  return (a.due! - b.due! || a.sentAt - b.sentAt || a.held.n - b.held.n) < 0
}
