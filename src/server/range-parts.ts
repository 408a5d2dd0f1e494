import { decodeMessage } from '../journal/entry.ts'
import type { ArrivingRange, Refusal } from './arriving.ts'
import { laterPart } from './range-check.ts'

/** As many messages as there is room for. The sender goes on from there. */
export function firstPart(range: ArrivingRange, count: number): ArrivingRange {
  const to = range.from + count
  const refused = (range.refused ?? []).filter(({ at }) => at < to)
  const offsets = range.offsets.subarray(0, count + 1)
  return { ...range, to, entries: range.entries.subarray(0, offsets[count]), offsets, refused }
}

/** Nothing of it is kept but that it was refused, so that the answer is the same after a restart. */
export function refusedRange(range: ArrivingRange, detail: string): ArrivingRange {
  if (range.skip !== undefined) return range
  const known = new Map((range.refused ?? []).map(refusal => [refusal.at, refusal]))
  const refused: Refusal[] = []
  for (let at = range.from, i = 0; at < range.to; at++, i++) {
    const { id } = known.get(at) ?? decodeMessage(range.entries, range.offsets[i]!)
    refused.push(known.get(at) ?? { at, id, code: 'CHANNEL_FORBIDDEN', detail })
  }
  return { ...range, refused }
}

/** The positions of a range from `next` on: what came before is here. */
export function rest(range: ArrivingRange, next: number): ArrivingRange {
  if (range.skip !== undefined) return { ...range, from: next }
  const { offsets, entries, refused = [], from } = range
  const later = laterPart({ offsets, refused }, from, next - from)
  return { ...range, from: next, ...later, entries: entries.subarray(offsets[next - from]) }
}
