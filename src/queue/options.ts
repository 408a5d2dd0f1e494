import { inspect } from 'node:util'
import { durationMs } from '../duration.ts'
import { nearest } from '../names.ts'

/** Options from callers: a name that does not exist is a TypeError which says what may have been meant. */

/** @throws TypeError naming the first key of `given` that is not in `known`. */
export function checkOptions(given: object, known: ReadonlySet<string>, what: string): void {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new TypeError(`options of ${what} must be an object, got ${said(given)}`)
  }
  for (const name in given) {
    if (known.has(name)) continue
    const near = nearest(name, known)
    const hint = near === undefined ? `it takes ${[...known].join(', ')}` : `did you mean ${near}?`
    throw new TypeError(`${what} has no option ${JSON.stringify(name.slice(0, 50))}: ${hint}`)
  }
}

/** @throws TypeError naming `what` unless `value` is a whole number in the range. */
export function checkCount(value: unknown, what: string, min: number, max: number): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min || value > max) {
    throw new TypeError(`${what} must be a whole number from ${min} to ${max}, got ${said(value)}`)
  }
  return value
}

export function checkSignal(value: unknown): AbortSignal | undefined {
  if (value === undefined || value instanceof AbortSignal) return value
  throw new TypeError(`signal must be an AbortSignal, got ${said(value)}`)
}

/** What was given, short enough for a line of text. */
export function said(value: unknown): string {
  return inspect(value, { depth: 0, breakLength: Number.POSITIVE_INFINITY }).slice(0, 80)
}

/** Whole milliseconds, or `'10s'`, `'5m'`, `'2h'`, `'1d'`. */
export type Duration = number | string

/** A century: longer is a mistake in the unit. */
const DURATION_MS_MAX = 3_155_760_000_000

/** @throws TypeError naming `what` unless `value` is a duration in the range. */
export function checkDuration(value: unknown, what: string, msMin = 0, msMax = DURATION_MS_MAX): number {
  const ms = durationMs(value, what)
  if (ms < msMin || ms > msMax) throw new TypeError(`${what} must be from ${msMin} to ${msMax} ms, got ${ms}`)
  return ms
}
