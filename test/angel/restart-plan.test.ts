import fc from 'fast-check'
import { expect, test } from 'vitest'
import { deathsInARow, restartDelayMs } from '../../src/angel/restart-plan.ts'
import { DEFAULT_LIMITS } from '../../src/limits.ts'

const limits = DEFAULT_LIMITS

test('the first restart is at once, later ones wait 1 s doubled up to 60 s', () => {
  const waits = [1, 2, 3, 4, 5, 6, 7, 8, 9, 1_000].map(deaths => restartDelayMs(deaths, limits))
  expect(waits).toEqual([0, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000])
})

test('C3: a child that dies at each start is started fewer than 10 times in 30 s', () => {
  let starts = 1
  let deaths = 0
  for (let at = 0; ; starts++) {
    deaths = deathsInARow({ deathsBefore: deaths, ranMs: 0 }, limits)
    at += restartDelayMs(deaths, limits)
    if (at > 30_000) break
  }
  expect(starts).toBeLessThan(10)
})

test('a run as long as the longest wait makes the next restart immediate', () => {
  const deaths = deathsInARow({ deathsBefore: 40, ranMs: limits.restartMsMax }, limits)
  expect(restartDelayMs(deaths, limits)).toBe(0)
})

test('a run shorter than the longest wait never shortens the next wait', () => {
  fc.assert(
    fc.property(
      fc.nat({ max: 10_000 }),
      fc.double({ min: 0, max: limits.restartMsMax - 1, noNaN: true }),
      (before, ranMs) => {
        const deaths = deathsInARow({ deathsBefore: before, ranMs }, limits)
        const wait = restartDelayMs(deaths, limits)
        expect(wait).toBeGreaterThanOrEqual(before === 0 ? 0 : restartDelayMs(before, limits))
        expect(wait).toBeLessThanOrEqual(limits.restartMsMax)
        expect(Number.isSafeInteger(wait)).toBe(true)
      }
    )
  )
})
