import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { inventoryScenarios } from '../bench/inventory-scenarios.ts'
import { SOAK } from './soak.ts'

const ROOT = path.resolve(import.meta.dirname, '..')
const PAGE = path.join(ROOT, 'docs/benchmarks.md')
const run = promisify(execFile)
const bench = (...args: string[]) =>
  run(process.execPath, [path.join(ROOT, 'dist/bench/run.js'), ...args], { cwd: ROOT })

/** They settle, or start many processes, however few messages there are: `npm run soak` runs them too. */
const SLOW = SOAK
  ? []
  : [
      'schedule-memory-100000-held',
      'backlog-1000000-256B',
      'backlog-1000000-256B-single-frames',
      'backlog-1000000-256B-single-uploads',
      'pair-5000000-256B',
      'crowd-2000-idle-100-peers',
      'j6-claims-8-processes',
      'schedule-50000-at-once-4-shards'
    ]

/** One process for the list: it is in the refusal of a scenario that is not there. */
const refused = bench('send-nonsense').then(
  () => ({ code: 0, stderr: '' }),
  (error: { code: number; stderr: string }) => error
)

async function scenarios(): Promise<string[]> {
  const { stderr } = await refused
  return [...stderr.matchAll(/^ {2}(\S+)$/gm)].map(([, name]) => name!).filter(name => !SLOW.includes(name))
}

test(
  'every scenario of the bench runs, tiny, and gives one line with figures; the page stays as it was',
  async () => {
    const page = readFileSync(PAGE, 'utf8')
    const { stdout } = await bench('--messages', '200', '--rounds', '1', ...(await scenarios()))
    const lines = stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    expect(new Set(lines.map(line => line.scenario)).size).toBeGreaterThanOrEqual(14)
    for (const line of lines) {
      expect(line).toMatchObject({
        machine: { node: process.version },
        version: expect.stringMatching(/^\d+\.\d+\.\d+/)
      })
      // None early, no memory: of those, 0 is the aim.
      for (const figure of Object.values(line.figures)) expect(figure, line.scenario).toBeGreaterThanOrEqual(0)
      if (line.floor) expect(line.ratio).toBeGreaterThan(0)
    }
    expect(readFileSync(PAGE, 'utf8')).toBe(page)
  },
  SOAK ? 1_800_000 : 120_000
)

test('Q1 Q2 Q3 Q4 Q5 Q6 Q9: the bench measures each against the figure that the ancestors reached, or promised', () => {
  const bounds = new Map([...inventoryScenarios].map(({ name, targets }) => [name.slice(0, 2), targets[0]]))
  const atLeast = (of: string) => (bounds.get(of) as { atLeast: number }).atLeast
  expect(['q1', 'q2', 'q3', 'q4', 'q5', 'q6', 'q9'].map(atLeast)).toEqual([
    18_127, 5_000, 36_720, 16_754, 471, 3_000, 10_000
  ])
})

test.skipIf(process.platform !== 'linux')('the bench refuses a folder in memory', async () => {
  await expect(bench('--folder', '/dev/shm', '--messages', '1')).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining('tmpfs')
  })
})

test('the bench refuses a scenario that it does not have, and names those it has', async () => {
  expect(await refused).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('two-hops-256B-saturated')
  })
})
