import fc from 'fast-check'
import { expect, test } from 'vitest'
import { deathsInARow, healthyMs, restartDelayMs } from '../../src/angel/restart-plan.ts'
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
    deaths = deathsInARow({ deathsBefore: deaths, workedMs: 0 }, limits)
    at += restartDelayMs(deaths, limits)
    if (at > 30_000) break
  }
  expect(starts).toBeLessThan(10)
})

test('who worked five times as long as the wait to come is started at once; who died more often must have worked longer', () => {
  expect([1, 2, 3, 4, 5, 6, 40].map(deaths => healthyMs(deaths, limits))).toEqual([
    5_000, 10_000, 20_000, 40_000, 60_000, 60_000, 60_000
  ])
  for (const deathsBefore of [1, 2, 3, 4, 5, 6, 40]) {
    const workedMs = healthyMs(deathsBefore, limits)
    expect(deathsInARow({ deathsBefore, workedMs }, limits)).toBe(1)
    expect(deathsInARow({ deathsBefore, workedMs: workedMs - 1 }, limits)).toBe(deathsBefore + 1)
  }
})

test('a run shorter than that never shortens the next wait', () => {
  fc.assert(
    fc.property(fc.nat({ max: 10_000 }), fc.double({ min: 0, max: 0.999_999, noNaN: true }), (before, share) => {
      const deaths = deathsInARow({ deathsBefore: before, workedMs: share * healthyMs(before, limits) - 1 }, limits)
      const wait = restartDelayMs(deaths, limits)
      expect(wait).toBeGreaterThanOrEqual(before === 0 ? 0 : restartDelayMs(before, limits))
      expect(wait).toBeLessThanOrEqual(limits.restartMsMax)
      expect(Number.isSafeInteger(wait)).toBe(true)
    })
  )
})

test('PROC-4: whatever the length of its lives, a child that dies again and again is started once in five seconds at most', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 120_000, noNaN: true }), lifeMs => {
      let deaths = 0
      let at = 0
      const starts = 200
      for (let start = 0; start < starts; start++) {
        deaths = deathsInARow({ deathsBefore: deaths, workedMs: lifeMs }, limits)
        at += lifeMs + restartDelayMs(deaths, limits)
      }
      expect(at / starts).toBeGreaterThanOrEqual(5_000)
    })
  )
})
