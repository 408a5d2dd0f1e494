import { expect, test } from 'vitest'
import {
  afterAnswer,
  afterFailure,
  afterSuccess,
  DEAD_FAILURES,
  type Feedback,
  freshFeedback,
  kicked,
  peerState,
  retryDelayMs,
  uploadsAllowed,
  waitMs
} from '../../src/client/feedback.ts'
import { DEFAULT_LIMITS, limitsFrom } from '../../src/limits.ts'

const limits = limitsFrom({ retryMsMin: 1_000, retryMsMax: 300_000, uploadsPerPeerMax: 8 })

test('C12: the wait doubles from retryMsMin to retryMsMax, and chance spreads it over its upper half only', () => {
  for (let failed = 1; failed <= 100; failed++) {
    const ceiling = Math.min(1_000 * 2 ** (failed - 1), 300_000)
    expect(retryDelayMs({ failed, chance: 0 }, limits)).toBe(Math.round(ceiling / 2))
    expect(retryDelayMs({ failed, chance: 0.999999999 }, limits)).toBeLessThanOrEqual(ceiling)
    const middle = retryDelayMs({ failed, chance: 0.5 }, limits)
    expect(middle).toBe(Math.round(ceiling * 0.75))
    expect(Number.isInteger(middle)).toBe(true)
  }
})

test('the wait stays a usable number after a million failures and with the widest limits', () => {
  const wide = limitsFrom({ retryMsMin: 60_000, retryMsMax: 86_400_000 })
  for (const failed of [1, 33, 1_000, 1_000_000]) {
    const wait = retryDelayMs({ failed, chance: 0.9 }, wide)
    expect(wait).toBeGreaterThan(0)
    expect(wait).toBeLessThanOrEqual(86_400_000)
  }
})

test('Retry-After lengthens the wait, never shortens it, and counts up to retryMsMax only', () => {
  const tries = { failed: 1, chance: 0 }
  expect(waitMs({ ...tries, retryAfterMs: undefined }, limits)).toBe(500)
  expect(waitMs({ ...tries, retryAfterMs: 10 }, limits)).toBe(500)
  expect(waitMs({ ...tries, retryAfterMs: 20_000 }, limits)).toBe(20_000)
  expect(waitMs({ ...tries, retryAfterMs: 315_360_000_000 }, limits)).toBe(300_000)
  expect(waitMs({ ...tries, retryAfterMs: -5 }, limits)).toBe(500)
})

test('successes open by 1/N up to uploadsPerPeerMax and never beyond', () => {
  let feedback = freshFeedback(limits)
  expect(uploadsAllowed(feedback, 0)).toBe(4)
  let successes = 0
  while (uploadsAllowed(feedback, 0) < 8) {
    feedback = afterSuccess(feedback, limits)
    successes++
  }
  expect(successes).toBeGreaterThan(16)
  expect(successes).toBeLessThan(32)
  for (let i = 0; i < 100; i++) feedback = afterSuccess(feedback, limits)
  expect(feedback.open).toBe(8)
})

test('a limit of one upload is kept from the first', () => {
  const one = limitsFrom({ uploadsPerPeerMax: 1 })
  expect(uploadsAllowed(freshFeedback(one), 0)).toBe(1)
  expect(uploadsAllowed(afterSuccess(freshFeedback(one), one), 0)).toBe(1)
})

test('a failure closes by half, one upload always stays, and nothing is allowed before the wait is over', () => {
  let feedback: Feedback = { open: 8, failures: 0, retryAt: 0 }
  feedback = afterFailure(feedback, { at: 100, chance: 0 }, limits)
  expect(feedback).toEqual({ open: 4, failures: 1, retryAt: 600 })
  expect(uploadsAllowed(feedback, 599)).toBe(0)
  expect(uploadsAllowed(feedback, 600)).toBe(4)
  for (let i = 0; i < 20; i++) feedback = afterFailure(feedback, { at: 0, chance: 0 }, limits)
  expect(feedback.open).toBe(1)
})

test('a run of failures is a dead peer, which gets one probe at a time, and one answer brings it back', () => {
  let feedback: Feedback = { open: 8, failures: 0, retryAt: 0 }
  for (let failures = 1; failures <= DEAD_FAILURES; failures++) {
    expect(peerState(feedback)).not.toBe('dead')
    feedback = afterFailure({ ...feedback, open: 64 }, { at: 0, chance: 0 }, limits)
    expect(peerState(feedback)).toBe(failures < DEAD_FAILURES ? 'backing-off' : 'dead')
  }
  expect(uploadsAllowed(feedback, feedback.retryAt)).toBe(1)
  expect(peerState(afterAnswer(feedback))).toBe('ok')
  expect(peerState(afterSuccess(feedback, limits))).toBe('ok')
  expect(afterSuccess(feedback, limits).retryAt).toBe(0)
})

test('an answer that is no success does not open more', () => {
  const feedback: Feedback = { open: 3.5, failures: 2, retryAt: 1e9 }
  expect(afterAnswer(feedback)).toEqual({ open: 3.5, failures: 0, retryAt: 0 })
})

test('a kick allows a try at once and forgets nothing', () => {
  const dead: Feedback = { open: 1, failures: 9, retryAt: 1e9 }
  expect(uploadsAllowed(kicked(dead), 5)).toBe(1)
  expect(peerState(kicked(dead))).toBe('dead')
})

test('C12: two peers that failed together do not come back together', () => {
  const one = retryDelayMs({ failed: 5, chance: 0.1 }, DEFAULT_LIMITS)
  const other = retryDelayMs({ failed: 5, chance: 0.8 }, DEFAULT_LIMITS)
  expect(Math.abs(one - other)).toBeGreaterThan(1_000)
})
