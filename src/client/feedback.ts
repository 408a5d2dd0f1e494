import type { Limits } from '../limits.ts'

/**
 * How much is sent to one peer, and when it is tried again: Postfix's destination feedback.
 *
 * A success opens by 1/N, where N is how many uploads are open; a failure closes by half; a run of failures means that the
 * peer is dead: one probe at a time, further and further apart. Plain data, so that every step can be tested without a peer.
 */
export interface Feedback {
  /** Uploads at once, a fraction kept between steps. At least 1. */
  readonly open: number
  /** Failures since the last success. */
  readonly failures: number
  /** Nothing is sent before this, in ticks of the clock. 0: at once. */
  readonly retryAt: number
}

/** `dead`: so many failures in a row that only single probes are sent. */
export type PeerState = 'ok' | 'backing-off' | 'dead'

/** Failures in a row after which a peer counts as dead. */
export const DEAD_FAILURES = 3

/** What a peer is trusted with before it has answered once. */
const OPEN_FIRST = 4

/** `retryMsMin` doubled so often is above any `retryMsMax`. */
const DOUBLINGS_MAX = 32

export function freshFeedback(limits: Limits): Feedback {
  return { open: Math.min(OPEN_FIRST, limits.uploadsPerPeerMax), failures: 0, retryAt: 0 }
}

/** An upload was stored. */
export function afterSuccess(before: Feedback, limits: Limits): Feedback {
  return { open: Math.min(before.open + 1 / before.open, limits.uploadsPerPeerMax), failures: 0, retryAt: 0 }
}

/** The peer answered, if only to say no: it lives, which is no reason to send it more. */
export function afterAnswer(before: Feedback): Feedback {
  return { open: before.open, failures: 0, retryAt: 0 }
}

/**
 * @param failure.at Now, in ticks.
 * @param failure.chance A number in [0, 1).
 * @param failure.retryAfterMs What the other side asked for.
 */
export function afterFailure(before: Feedback, failure: FailureTime, limits: Limits): Feedback {
  const failures = before.failures + 1
  return {
    open: Math.max(1, before.open / 2),
    failures,
    retryAt: failure.at + waitMs({ failed: failures, ...failure }, limits)
  }
}

export interface FailureTime {
  at: number
  chance: number
  retryAfterMs?: number | undefined
}

/** Somebody wants it tried now. What is known of the peer stays known. */
export function kicked(before: Feedback): Feedback {
  return { ...before, retryAt: 0 }
}

export function peerState(feedback: Feedback): PeerState {
  if (feedback.failures === 0) return 'ok'
  return feedback.failures < DEAD_FAILURES ? 'backing-off' : 'dead'
}

/** How many uploads may be under way now, a whole number. */
export function uploadsAllowed(feedback: Feedback, now: number): number {
  if (now < feedback.retryAt) return 0
  return feedback.failures >= DEAD_FAILURES ? 1 : Math.floor(feedback.open)
}

/**
 * When to try again what failed.
 *
 * Doubles from `retryMsMin` to `retryMsMax`, then spreads the wait over its upper half, so that nodes which failed together
 * do not come back together.
 *
 * @param tries.failed Tries that failed so far, from 1.
 * @param tries.chance A number in [0, 1): `random.next()`, or a constant in tests.
 * @returns Milliseconds to wait, a whole number.
 */
export function retryDelayMs(tries: { failed: number; chance: number }, limits: Limits): number {
  const doubled = limits.retryMsMin * 2 ** Math.min(tries.failed - 1, DOUBLINGS_MAX)
  const ceiling = Math.min(doubled, limits.retryMsMax)
  return Math.round(ceiling / 2 + tries.chance * (ceiling / 2))
}

/** As `retryDelayMs`, and not before what Retry-After asked for, which counts up to `retryMsMax` only. */
export function waitMs(
  tries: { failed: number; chance: number; retryAfterMs?: number | undefined },
  limits: Limits
): number {
  const asked = Math.max(0, Math.min(tries.retryAfterMs ?? 0, limits.retryMsMax))
  return Math.max(retryDelayMs(tries, limits), Math.round(asked))
}
