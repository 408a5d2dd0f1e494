import { DUE_HEADER } from '../../src/scheduler/index.ts'
import type { Handed } from './checker.ts'
import type { Sent } from './ledger.ts'

/** What was asked of a message that is held until it is due, and what was answered. Times are wall ms of its node. */
export interface Later {
  /** It must not go before: the earliest time of all that were asked for and may count. */
  earliest: number
  /** The last time that was asked for: by then it must have gone. */
  latest: number
  /** Any of these may come. */
  bodies: Set<string>
  /** How often it was sent: from two on there may be copies, and it is left alone. */
  attempts: number
  /** A cancel was answered with done. */
  cancelled: boolean
  /** A cancel was not answered. */
  perhapsCancelled: boolean
  /** Somebody is asking something of it. */
  busy: boolean
  /** Somebody was told that nothing of it is held: it cannot go later than that. */
  goneBy: number
}

export function laterOf(due: number, body: string): Later {
  return {
    earliest: due,
    latest: due,
    bodies: new Set([body]),
    attempts: 0,
    cancelled: false,
    perhapsCancelled: false,
    busy: false,
    goneBy: Number.POSITIVE_INFINITY
  }
}

/** It need not arrive. */
export function mayStay({ cancelled, perhapsCancelled }: Later): boolean {
  return cancelled || perhapsCancelled
}

/**
 * What is wrong with a held message that came (P8).
 *
 * @param wallMax The latest that the wall clock of its node ever showed: what claims to have been handed over later was early.
 */
export function wrongWith({ token, later }: Sent, handed: Handed, wallMax: number): string | undefined {
  if (later === undefined) return undefined
  const { sentAt, headers } = handed
  const due = Date.parse(headers[DUE_HEADER] ?? '')
  if (later.cancelled) return `#${token} came, and a cancel was told that it does not`
  if (Number.isNaN(due)) return `#${token} does not say when it was due`
  if (due < later.earliest) return `#${token} went as due ${due}, ${later.earliest - due} ms before any time asked for`
  if (sentAt < due) return `#${token} went ${due - sentAt} ms early`
  if (sentAt > later.goneBy) return `#${token} went after somebody was told that nothing of it is held`
  if (sentAt > wallMax) return `#${token} says that it went at ${sentAt}, ${sentAt - wallMax} ms after now`
  return undefined
}
