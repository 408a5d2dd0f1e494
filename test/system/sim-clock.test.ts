import { expect, test } from 'vitest'
import { SimClock, SimGate } from '../../src/system/sim/index.ts'

test('sleeps end in the order of their moments, and those of one moment as they began', async () => {
  const clock = new SimClock()
  const ended: string[] = []
  const sleep = async (name: string, ms: number) => {
    await clock.sleep(ms)
    ended.push(`${name} ${clock.ticks()}`)
  }
  const all = [sleep('c', 30), sleep('a', 10), sleep('b', 20), sleep('a2', 10)]
  await clock.advance(20)
  expect(ended).toEqual(['a 10', 'a2 10', 'b 20'])
  await clock.advance(9.5)
  expect(clock.ticks()).toBe(29.5)
  expect(ended).toHaveLength(3)
  await clock.advance(0.5)
  await Promise.all(all)
  expect(ended[3]).toBe('c 30')
})

test('a day of retries passes at once', async () => {
  const clock = new SimClock()
  let tries = 0
  const loop = async () => {
    for (;;) {
      await clock.sleep(300_000)
      tries++
    }
  }
  void loop()
  await clock.advance(86_400_000)
  expect(tries).toBe(288)
})

test('many sleeps end in order', async () => {
  const clock = new SimClock()
  const ended: number[] = []
  for (let at = 0; at < 500; at++) {
    const ms = (at * 7919) % 503
    const control = new AbortController()
    void clock.sleep(ms, control.signal).then(() => control.signal.aborted || ended.push(ms))
    if (at % 5 === 0) control.abort()
  }
  expect(clock.pending).toBe(400)
  expect(await clock.run()).toBe(true)
  expect(ended).toEqual(ended.toSorted((one, other) => one - other))
  expect(ended).toHaveLength(400)
})

test('an abort ends a sleep at once and leaves nothing behind', async () => {
  const clock = new SimClock()
  const control = new AbortController()
  const sleep = clock.sleep(1_000, control.signal)
  control.abort()
  await sleep
  await clock.sleep(1_000, control.signal)
  expect(clock.pending).toBe(0)
})

test('a step of the wall clock moves no sleep and no ticks', async () => {
  const clock = new SimClock({ startMs: 1_000_000 })
  let ended = false
  void clock.sleep(100).then(() => {
    ended = true
  })
  clock.step(-3_600_000)
  await clock.advance(99)
  expect(ended).toBe(false)
  expect(clock.now()).toBe(1_000_000 - 3_600_000 + 99)
  await clock.advance(1)
  expect(ended).toBe(true)
})

test('a stopped process wakes when it goes on, a dead one never', async () => {
  const clock = new SimClock()
  const gate = new SimGate()
  const view = clock.view({ gate, offsetMs: () => 5_000 })
  const woken: number[] = []
  void view.sleep(10).then(() => woken.push(view.ticks()))
  void view.sleep(50).then(() => woken.push(view.ticks()))
  gate.stop()
  await clock.advance(30)
  expect(woken).toEqual([])
  gate.continue()
  await clock.advance(0)
  expect(woken).toEqual([30])
  gate.kill()
  await clock.advance(100)
  expect(woken).toEqual([30])
  expect(view.now()).toBe(clock.now() + 5_000)
})

test('until lets time pass as long as it must, and says when it is not enough', async () => {
  const clock = new SimClock()
  expect(await clock.until(clock.sleep(500).then(() => 'done'))).toBe('done')
  expect(clock.ticks()).toBe(500)
  await expect(clock.until(clock.sleep(5_000), 100)).rejects.toThrow('not settled')
  await expect(clock.until(Promise.reject(new Error('mine')))).rejects.toThrow('mine')
})
