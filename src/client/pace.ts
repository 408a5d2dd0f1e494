import type { Limits } from '../limits.ts'
import { type FailureTime, waitMs } from './feedback.ts'

/**
 * How one stream is sent: what is its own trouble delays it alone. Where `Feedback` answers for a peer, `Pace` does for a
 * stream. Plain data.
 */
export interface Pace {
  /** Failures since the last progress. */
  readonly failures: number
  /** Nothing of this stream is sent before this, in ticks of the clock. 0: at once. */
  readonly retryAt: number
  /** Bytes of the next range. Halves with each failure and doubles with progress: a bad link carries small ranges. */
  readonly rangeBytes: number
  /** One range at a time until there is progress: the peer could not join what it got. */
  readonly narrow: boolean
}

/** One small message: a link that breaks after a few kilobytes, again and again, still brings something with each try. */
const RANGE_BYTES_MIN = 1_024

/** Below this, ranges are too small to be worth a third request at once: more bytes gather while two are under way. */
const SMALL_BYTES = 65_536

/** Enough to keep the line busy both ways. */
const SMALL_FLIGHTS_MAX = 2

export function freshPace(limits: Limits): Pace {
  return { failures: 0, retryAt: 0, rangeBytes: limits.rangeBytesMax, narrow: false }
}

export function paceAfterProgress(before: Pace, limits: Limits): Pace {
  if (before.failures === 0 && before.rangeBytes === limits.rangeBytesMax && !before.narrow) return before
  return { failures: 0, retryAt: 0, rangeBytes: Math.min(before.rangeBytes * 2, limits.rangeBytesMax), narrow: false }
}

export function paceAfterFailure(before: Pace, failure: FailureTime, limits: Limits): Pace {
  const failures = before.failures + 1
  return {
    failures,
    retryAt: failure.at + waitMs({ failed: failures, ...failure }, limits),
    rangeBytes: smaller(before.rangeBytes, limits),
    narrow: before.narrow
  }
}

/** An upload that failed through no fault of its stream: smaller next time, but no wait. */
export function paceAfterLoss(before: Pace, limits: Limits): Pace {
  return { ...before, rangeBytes: smaller(before.rangeBytes, limits) }
}

/** How many ranges may be under way, given those that are. */
export function flightsAllowed(underWay: { flights: number; bytes: number }, pace: Pace, limits: Limits): number {
  // What failed is tried again by one range: the others would hear the same.
  if (pace.narrow || pace.failures > 0) return 1
  const small = Math.min(SMALL_BYTES, pace.rangeBytes / 2)
  if (underWay.bytes >= underWay.flights * small) return limits.rangesPerStreamMax
  return Math.min(SMALL_FLIGHTS_MAX, limits.rangesPerStreamMax)
}

function smaller(rangeBytes: number, limits: Limits): number {
  return Math.min(limits.rangeBytesMax, Math.max(RANGE_BYTES_MIN, Math.floor(rangeBytes / 2)))
}
