import { expect, test } from 'vitest'
import type { Clock } from '../../src/system/clock.ts'
import { SimWorld } from '../../src/system/sim/index.ts'
import { desk, parts, text } from './desk.ts'

const id = (given: string) => given

/** How many messages each commit held when `callers` each send their next one, which takes `sendMs`, as soon as the last is safe. */
async function commitsOf(callers: number, rounds: number, sendMs: number): Promise<number[]> {
  const world = new SimWorld({ seed: 1, latencyMs: [1, 1] })
  const node = world.node('a')
  const { clock, files, watch, sockets, random, log } = node.process('app')
  let busyMs = 0
  const busy: Clock = {
    now: () => clock.now(),
    ticks: () => clock.ticks() + busyMs,
    sleep: (ms, signal) => clock.sleep(ms, signal),
    soon: run => clock.soon(run)
  }
  const app = { clock: busy, files, watch, sockets, random, log }
  await world.clock.until(app.files.makeFolder('/s').then(() => app.files.syncFolder('/')))
  const { journal } = await desk({ system: app })
  const caller = async () => {
    for (let i = 0; i < rounds; i++, busyMs += sendMs) await journal.append(text('x'.repeat(256)), id)
  }
  await world.clock.until(Promise.all(Array.from({ length: callers }, caller)))
  await world.clock.until(journal.close())
  const all = await world.clock.until(parts(node.process('reader').files))
  return all
    .filter(part => part.kind === 'frame' && part.frame.count > 0)
    .map(part => (part as { frame: { count: number } }).frame.count)
}

test('many whose sending takes longer than a write are split into two halves, and neither grows at the cost of the other', async () => {
  const commits = await commitsOf(1_024, 40, 0.01)
  expect(commits.reduce((sum, count) => sum + count, 0)).toBe(1_024 * 40)
  // The first ones find out how many there are, and how long it takes.
  for (const count of commits.slice(8, -8)) {
    expect(count).toBeGreaterThan(1_024 * 0.4)
    expect(count).toBeLessThan(1_024 * 0.6)
  }
})

test('many whose sending takes shorter than a write share one commit', async () => {
  const commits = await commitsOf(64, 40, 0.001)
  expect(commits.slice(8, -8)).toEqual(Array.from({ length: commits.length - 16 }, () => 64))
})

test('a few share one commit: each half would not be worth a sync of its own', async () => {
  const commits = await commitsOf(8, 20, 1)
  expect(commits).toEqual(Array.from({ length: 20 }, () => 8))
})
