import { expect, test } from 'vitest'
import { Bell } from '../../src/system/bell.ts'
import { SimClock } from '../../src/system/sim/index.ts'

function ringing() {
  const clock = new SimClock()
  const bell = new Bell(clock)
  const ends: [at: number, rung: boolean][] = []
  const wait = async (ms: number) => {
    const rung = await bell.wait(ms)
    ends.push([clock.ticks(), rung])
  }
  return { clock, bell, ends, wait }
}

test('a wait ends in time, or when somebody rings; who rings for nobody is not heard later', async () => {
  const { clock, bell, ends, wait } = ringing()
  void wait(100)
  await clock.advance(150)
  bell.ring()
  void wait(100)
  await clock.advance(20)
  bell.ring()
  await clock.advance(200)
  expect(ends).toEqual([
    [100, false],
    [170, true]
  ])
})

test('what a shorter wait left of its time does not end a longer one, and a shorter one is not late', async () => {
  const { clock, bell, ends, wait } = ringing()
  void wait(100)
  await clock.advance(10)
  bell.ring()
  void wait(500)
  await clock.advance(600)
  void wait(1_000)
  await clock.advance(1)
  bell.ring()
  await clock.advance(0)
  void wait(10)
  await clock.advance(2_000)
  expect(ends).toEqual([
    [10, true],
    [510, false],
    [611, true],
    [621, false]
  ])
})

test('a closed bell ends every wait at once and leaves no timer', async () => {
  const { clock, bell, ends, wait } = ringing()
  void wait(100)
  bell.close()
  await clock.advance(0)
  await wait(100)
  expect(ends).toEqual([
    [0, true],
    [0, true]
  ])
  expect(clock.pending).toBe(0)
})
