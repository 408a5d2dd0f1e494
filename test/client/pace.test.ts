import { expect, test } from 'vitest'
import {
  flightsAllowed,
  freshPace,
  type Pace,
  paceAfterFailure,
  paceAfterLoss,
  paceAfterProgress
} from '../../src/client/pace.ts'
import { limitsFrom } from '../../src/limits.ts'

const limits = limitsFrom({ rangeBytesMax: 1_048_576 })

test('ranges halve with each failure down to 1 KiB and come back with progress', () => {
  let pace = freshPace(limits)
  const sizes: number[] = []
  for (let i = 0; i < 12; i++) {
    pace = i % 2 ? paceAfterLoss(pace, limits) : paceAfterFailure(pace, { at: 0, chance: 0 }, limits)
    sizes.push(pace.rangeBytes)
  }
  expect(sizes).toEqual([524288, 262144, 131072, 65536, 32768, 16384, 8192, 4096, 2048, 1024, 1024, 1024])
  for (let i = 0; i < 10; i++) pace = paceAfterProgress(pace, limits)
  expect(pace).toEqual(freshPace(limits))
})

test('a rangeBytesMax of 1 KiB is never exceeded', () => {
  const small = limitsFrom({ rangeBytesMax: 1_024 })
  const pace = paceAfterProgress(paceAfterFailure(freshPace(small), { at: 0, chance: 0 }, small), small)
  expect(pace.rangeBytes).toBe(1_024)
})

test('a stream waits longer after each failure, and Retry-After is kept up to the cap', () => {
  let pace = freshPace(limits)
  pace = paceAfterFailure(pace, { at: 10, chance: 0 }, limits)
  expect(pace).toMatchObject({ failures: 1, retryAt: 510 })
  pace = paceAfterFailure(pace, { at: 1_000, chance: 0, retryAfterMs: 1e12 }, limits)
  expect(pace).toMatchObject({ failures: 2, retryAt: 301_000 })
  expect(paceAfterProgress(pace, limits)).toMatchObject({ failures: 0, retryAt: 0 })
})

test('a loss of its peer makes ranges smaller without a wait', () => {
  expect(paceAfterLoss(freshPace(limits), limits)).toMatchObject({ failures: 0, retryAt: 0, rangeBytes: 524288 })
})

test('progress ends the one-by-one after a conflict', () => {
  const narrow: Pace = { ...freshPace(limits), narrow: true }
  expect(flightsAllowed({ flights: 0, bytes: 0 }, narrow, limits)).toBe(1)
  expect(paceAfterProgress(narrow, limits).narrow).toBe(false)
})

test('what failed is tried again by one range, and after progress the window is open again', () => {
  const failed = paceAfterFailure(freshPace(limits), { at: 0, chance: 0 }, limits)
  expect(flightsAllowed({ flights: 1, bytes: 1_048_576 }, failed, limits)).toBe(1)
  expect(flightsAllowed({ flights: 1, bytes: 1_048_576 }, paceAfterProgress(failed, limits), limits)).toBe(4)
})

test('small ranges go two at once, so that more gathers; large ones fill the window', () => {
  const pace = freshPace(limits)
  expect(flightsAllowed({ flights: 2, bytes: 500 }, pace, limits)).toBe(2)
  expect(flightsAllowed({ flights: 2, bytes: 200_000 }, pace, limits)).toBe(4)
  expect(flightsAllowed({ flights: 3, bytes: 130_000 }, pace, limits)).toBe(2)
  expect(flightsAllowed({ flights: 1, bytes: 0 }, pace, limitsFrom({ rangesPerStreamMax: 1 }))).toBe(1)
})

test('ranges that are as large as they may be fill the window, however small that is', () => {
  const pace = { ...freshPace(limits), rangeBytes: 16_384 }
  expect(flightsAllowed({ flights: 3, bytes: 3 * 16_000 }, pace, limits)).toBe(4)
})
