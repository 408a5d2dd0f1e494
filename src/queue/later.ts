import { DroprError } from '../errors.ts'
import type { Done, Draft } from '../message.ts'
import type { DueDraft } from '../scheduler/intake.ts'
import { timeMs } from '../time-input.ts'
import type { Destination } from './destinations.ts'
import { checkDuration, type Duration, said } from './options.ts'

/** A moment: a Date, ms since 1970, or text as src/time-input.ts reads it. */
export type Time = Date | number | string

export interface LaterOptions {
  /** Not handed over before. Text without an offset is read in the configured zone. */
  deliverAt?: Time
  /** As `deliverAt`, from now. Not both. */
  delay?: Duration
  /** A time that has passed rejects with DUE_PAST. Default: such a message goes at once. */
  rejectPast?: boolean
}

/** Where messages for later go. */
export interface HeldBox {
  append<T>(draft: DueDraft, done: Done<DueDraft, T>, buffered?: boolean): Promise<T>
  appendAll<T>(drafts: readonly DueDraft[], done: Done<DueDraft, T>, buffered?: boolean): Promise<T[]>
  /** Where a large body lies whose message is appended next, with this id as that of the first. */
  folder(id: string): string
  close(): Promise<void>
}

/**
 * When the message is due, wall ms; undefined for one that goes now.
 *
 * @throws TypeError for what is no time; DroprError DUE_PAST.
 */
export function dueMs(options: LaterOptions, context: { now: number; zone: string }): number | undefined {
  const { deliverAt, delay, rejectPast } = options
  if (rejectPast !== undefined && typeof rejectPast !== 'boolean')
    throw new TypeError(`rejectPast must be true or false, got ${said(rejectPast)}`)
  if (deliverAt === undefined) return delay === undefined ? undefined : context.now + checkDuration(delay, 'delay')
  if (delay !== undefined) throw new TypeError('deliverAt and delay exclude each other')
  return notPast(timeMs(deliverAt, 'deliverAt', context), context.now, rejectPast)
}

/** @throws DroprError DUE_PAST when that is not wanted. */
export function notPast(at: number, now: number, rejectPast: boolean | undefined): number {
  if (rejectPast && at < now)
    throw new DroprError(
      'DUE_PAST',
      `${new Date(at).toISOString()} was ${now - at} ms ago, and rejectPast was asked for`
    )
  return at
}

/** @throws TypeError when the message would be out of date by then. */
export function checkHeld(draft: Draft, at: number): void {
  if (draft.expiresAt !== undefined && draft.expiresAt <= at)
    throw new TypeError('expiresAt or ttl ends before the message is due: both count from now')
}

/** The message, held until then. The draft itself: to copy it costs as much as to encode it. @throws as `checkHeld`. */
export function heldDraft(draft: Draft, { peer, channel, priority }: Destination, at: number): DueDraft {
  checkHeld(draft, at)
  draft.due = { at, to: peer, channel, priority }
  return draft as DueDraft
}
