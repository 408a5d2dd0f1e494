import { DroprError } from '../errors.ts'
import { entryBytes } from '../journal/entry.ts'
import type { Range } from '../spool/range.ts'

/** A range on its way to the peer. */
export interface Flight {
  readonly from: number
  readonly to: number
  readonly bytes: number
  /** When it left, in the order of departures and answers of its peer. */
  readonly began: number
  /** What was known to be stored when it left: an answer below says that the peer has lost something. */
  readonly ackedThen: number
}

/** The first position, from `acked` on, that is neither stored nor on its way. `flights` in order of `from`. */
export function firstGap(acked: number, flights: readonly Flight[]): number {
  let at = acked
  for (const { from, to } of flights) {
    if (from > at) break
    if (to > at) at = to
  }
  return at
}

/** Where the gap that begins at `gap` ends: at the next range on its way, if there is one. */
export function gapEnd(gap: number, flights: readonly Flight[]): number {
  for (const { from } of flights) if (from > gap) return from
  return Number.POSITIVE_INFINITY
}

/** Puts a flight into its place. */
export function addFlight(flights: Flight[], flight: Flight): void {
  let at = flights.length
  while (at > 0 && flights[at - 1]!.from > flight.from) at--
  flights.splice(at, 0, flight)
}

export function removeFlight(flights: Flight[], flight: Flight): void {
  const at = flights.indexOf(flight)
  if (at !== -1) flights.splice(at, 1)
}

/** The part of a range below `to`. */
export function cutRange(range: Range, to: number): Range {
  if (range.to <= to) return range
  if (range.skip !== undefined) return { ...range, to }
  const count = to - range.from
  let end = 0
  for (let i = 0; i < count; i++) end += entryBytes(range.entries, end)
  return { ...range, to, count, entries: range.entries.subarray(0, end) }
}

/** A range that was read for a gap, up to where the next one on its way begins. @throws DroprError SPOOL_DAMAGED for another. */
export function cutToGap(range: Range, gap: number, flights: readonly Flight[]): Range {
  if (range.from === gap && range.to > gap) return cutRange(range, gapEnd(gap, flights))
  throw new DroprError('SPOOL_DAMAGED', `asked for position ${gap}, read ${range.from} to ${range.to}`)
}

/** What an answer says, set against what was known when its upload left. */
export type Finding = 'progress' | 'none' | 'lost'

/**
 * @param next How far the peer says it has the stream.
 * @returns `lost`: less than it had said before the upload left. Answers that overtook each other are not that.
 */
export function findingOf(flight: Flight, next: number): Finding {
  if (next < flight.ackedThen) return 'lost'
  return next === flight.ackedThen ? 'none' : 'progress'
}
