import { expect, test } from 'vitest'
import { Lookout, type Where } from '../../src/client/lookout.ts'
import { SimClock } from '../../src/system/sim/index.ts'

test('what is asked for during a look is looked for after it, all in one', async () => {
  const looks: (Where | undefined)[] = []
  let go = (): void => undefined
  const lookout = new Lookout(new SimClock(), where => {
    looks.push(where)
    return new Promise(resolve => {
      go = resolve
    })
  })
  const first = lookout.look({ channel: 'a', priority: 4 })
  void lookout.look({ channel: 'b', priority: 4 })
  void lookout.look({ channel: 'b', priority: 4 })
  const last = lookout.look()
  expect(looks).toEqual([{ channel: 'a', priority: 4 }])
  go()
  await new Promise(back => setImmediate(back))
  expect(looks).toEqual([{ channel: 'a', priority: 4 }, undefined])
  go()
  await Promise.all([first, last])
  expect(looks).toHaveLength(2)
  void lookout.look({ channel: 'c', priority: 1 })
  expect(looks).toHaveLength(3)
})

test('a folder that is asked about all the time is looked into at once, and then twice a second', async () => {
  const clock = new SimClock()
  const looks: number[] = []
  const lookout = new Lookout(clock, async () => void looks.push(clock.ticks()))
  for (let i = 0; i < 1_000; i++) {
    lookout.soon({ channel: 'a', priority: 4 })
    await clock.advance(1)
  }
  expect(looks).toEqual([0, 500, 1_000])
  await clock.advance(10_000)
  expect(looks).toEqual([0, 500, 1_000])
  expect(clock.pending).toBe(0)
})
