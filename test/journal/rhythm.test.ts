import { expect, test } from 'vitest'
import { Rhythm } from '../../src/journal/rhythm.ts'
import type { Clock } from '../../src/system/clock.ts'

/** So many commits of `inFlight` bytes, where a write takes `writeMs` and a byte `againMs` until the next one like it is there. */
function goOn(rhythm: Rhythm, clock: HandClock, job: { inFlight: number; writeMs: number; againMs: number }): number[] {
  const commits: number[] = []
  let bytes = job.inFlight
  let waiting = 0
  for (let n = 0; n < 100; n++) {
    const goesAtOnce = rhythm.written(bytes, job.writeMs, waiting)
    rhythm.told(bytes)
    clock.ms += bytes * job.againMs
    clock.run()
    const next = goesAtOnce ? waiting : Math.min(bytes + waiting, Math.max(rhythm.earlyBytes, waiting))
    waiting = bytes + waiting - next
    bytes = next
    commits.push(bytes)
  }
  return commits.slice(-10)
}

class HandClock implements Clock {
  ms = 0
  #soon: (() => void)[] = []

  now = () => this.ms
  ticks = () => this.ms
  sleep = async () => undefined
  soon = (run: () => void) => void this.#soon.push(run)

  run(): void {
    for (const run of this.#soon.splice(0)) run()
  }
}

test('while a write takes longer than encoding, all in flight go together', () => {
  const clock = new HandClock()
  const inFlight = 64 * 300
  const commits = goOn(new Rhythm(clock), clock, { inFlight, writeMs: 0.4, againMs: 0.2 / inFlight })
  expect(commits).toEqual(Array.from({ length: 10 }, () => inFlight))
})

test('while encoding takes longer than a write, one half is encoded while the other is written', () => {
  const clock = new HandClock()
  const inFlight = 1_024 * 300
  const commits = goOn(new Rhythm(clock), clock, { inFlight, writeMs: 0.6, againMs: 2.5 / inFlight })
  expect(commits).toEqual(Array.from({ length: 10 }, () => inFlight / 2))
})

test('it follows a disk that becomes slow, and fast again', () => {
  const clock = new HandClock()
  const rhythm = new Rhythm(clock)
  const inFlight = 256 * 300
  const againMs = 0.7 / inFlight
  expect(goOn(rhythm, clock, { inFlight, writeMs: 0.3, againMs }).at(-1)).toBe(inFlight / 2)
  expect(goOn(rhythm, clock, { inFlight, writeMs: 5, againMs }).at(-1)).toBe(inFlight)
  expect(goOn(rhythm, clock, { inFlight, writeMs: 0.3, againMs }).at(-1)).toBe(inFlight / 2)
})

test('a few bytes never wait for more', () => {
  const clock = new HandClock()
  const rhythm = new Rhythm(clock)
  goOn(rhythm, clock, { inFlight: 100, writeMs: 1, againMs: 0.001 })
  expect(rhythm.earlyBytes).toBe(4_096)
})
