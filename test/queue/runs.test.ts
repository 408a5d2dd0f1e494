import fc from 'fast-check'
import { expect, test } from 'vitest'
import { nextBatch } from '../../src/queue/batch-size.ts'
import { groupRuns } from '../../src/queue/claimed.ts'
import { addPosition, mergedRuns } from '../../src/queue/runs.ts'
import type { ClaimRun } from '../../src/server/inbox-port.ts'

test('whatever the order positions are told in, the runs hold exactly them, ascending, apart', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(300)), positions => {
      const pairs: number[] = []
      for (const position of positions) addPosition(pairs, position)
      const runs = mergedRuns(pairs)
      const told = runs.flatMap(([from, to]) => Array.from({ length: to - from }, (_, i) => from + i))
      expect(told).toEqual(positions.toSorted((a, b) => a - b))
      for (const [i, run] of runs.entries()) if (i > 0) expect(run[0]).toBeGreaterThan(runs[i - 1]![1])
    })
  )
})

test('a million positions in order are one run of two numbers', () => {
  const pairs: number[] = []
  for (let position = 5; position < 1_000_005; position++) addPosition(pairs, position)
  expect(pairs).toEqual([5, 1_000_005])
})

test('a batch doubles while handlers are fast, halves when they are slow, and feeds every handler', () => {
  expect(nextBatch({ asked: 100, tookMs: 10 }, 1)).toBe(200)
  expect(nextBatch({ asked: 800, tookMs: 10 }, 1)).toBe(1000)
  expect(nextBatch({ asked: 100, tookMs: 100 }, 1)).toBe(100)
  expect(nextBatch({ asked: 100, tookMs: 1000 }, 1)).toBe(50)
  expect(nextBatch({ asked: 1, tookMs: 1000 }, 1)).toBe(1)
  expect(nextBatch({ asked: 16, tookMs: 1000 }, 16)).toBe(16)
  expect(nextBatch({ asked: 1000, tookMs: 0 }, 5000)).toBe(1000)
})

test('runs that lie close together in one file are read in one call, up to 4 MiB', () => {
  const run = (path: string, at: number, bytes: number) => ({ path, at, bytes }) as ClaimRun
  const grouped = groupRuns([
    run('a', 100, 50),
    run('a', 250, 50),
    run('a', 10_000, 50),
    run('a', 400, 50),
    run('b', 450, 50),
    run('b', 500, 4_000_000),
    run('b', 4_000_500, 400_000)
  ])
  expect(grouped.map(group => group.map(({ at }) => at))).toEqual([
    [100, 250],
    [10_000],
    [400],
    [450, 500],
    [4_000_500]
  ])
})
