import { checkDuration } from './options.ts'

/** What is said with a verdict, checked. */

const REASON_CHARACTERS_MAX = 1_000

export function checkAfter(after: unknown): number | undefined {
  return after === undefined ? undefined : checkDuration(after, 'after')
}

export function checkReason(reason: unknown): string | undefined {
  if (reason === undefined) return undefined
  if (typeof reason !== 'string') throw new TypeError(`reason must be text, got ${typeof reason}`)
  return reasonText(reason)
}

/** A reason is for people: its beginning is enough. */
export function reasonText(reason: string): string {
  return reason.slice(0, REASON_CHARACTERS_MAX).toWellFormed()
}
