import type { Level } from '../spool/schedule-config.ts'

export { checkLevels, LEVELS, type Level } from '../spool/schedule-config.ts'

const SECOND_MS = 1_000
const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000

/**
 * Up to where the buckets of a level have been dissolved into the next finer one: a bucket goes one finer bucket's length before
 * it begins. What is due before this does not belong in that level any more. Infinite for the finest.
 */
export function dissolvedTo(levels: readonly Level[], index: number, now: number): number {
  const level = levels[index]!
  const finer = levels[index + 1]
  if (finer === undefined) return Number.NEGATIVE_INFINITY
  return bucketStart(now + finer.lengthMs, level.lengthMs) + level.lengthMs
}

/** The bucket for a message: in the finest level whose window holds it. What is overdue goes where what is due now goes. */
export function placeOf(levels: readonly Level[], due: number, now: number): { index: number; start: number } {
  const at = Math.max(due, now)
  let index = levels.length - 1
  while (index > 0 && at >= dissolvedTo(levels, index - 1, now)) index--
  return { index, start: bucketStart(at, levels[index]!.lengthMs) }
}

export function bucketStart(at: number, lengthMs: number): number {
  return Math.floor(at / lengthMs) * lengthMs
}

/** `2026-12-24`, `2026-12-24T18`, `2026-12-24T18-05`, `2026-12-24T18-05-30`: UTC, as fine as the length asks for. */
export function bucketName(start: number, lengthMs: number): string {
  const text = new Date(start).toISOString().replaceAll(':', '-')
  if (lengthMs % DAY_MS === 0) return text.slice(0, -14)
  if (lengthMs % HOUR_MS === 0) return text.slice(0, -11)
  if (lengthMs % MINUTE_MS === 0) return text.slice(0, -8)
  return lengthMs % SECOND_MS === 0 ? text.slice(0, -5) : text.slice(0, -1)
}
