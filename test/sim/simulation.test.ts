import { expect, test } from 'vitest'
import { type Report, simulate } from './simulation.ts'
import { Sometimes } from './sometimes.ts'

/** A short set for every run of the tests; `npm run sim -- --seed 7 --nodes 3 --hours 2` for more. */
const SEEDS = Array.from({ length: 12 }, (_, i) => i + 13)
const HOURS = 0.006
const nodesOf = (seed: number) => 2 + (seed % 2)

function broken({ seed, violations }: Report, nodes: number): string[] {
  const again = `npm run sim -- --seed ${seed} --nodes ${nodes} --hours ${HOURS} --trace`
  return violations.map(({ promise, atMs, message }) => `${promise} at ${atMs} ms: ${message}; again: ${again}`)
}

test('P1 to P8 hold on nodes that crash, stop, lose power, disks and links, and all of that was seen', async () => {
  const seen = new Sometimes()
  for (const seed of SEEDS) {
    const report = await simulate({ seed, nodes: nodesOf(seed), hours: HOURS })
    expect(broken(report, nodesOf(seed))).toEqual([])
    seen.take(report.sometimes)
  }
  expect(seen.missing()).toEqual([])
}, 120_000)

test('the same seed gives the same run, another seed another', async () => {
  const runOf = async (seed: number) => (await simulate({ seed, nodes: 2, hours: 0.003 })).digest
  const first = await runOf(1)
  expect(await runOf(1)).toBe(first)
  expect(await runOf(2)).not.toBe(first)
})
