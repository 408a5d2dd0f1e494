import { expect, test } from 'vitest'
import { Ids, idKey } from '../../src/server/ids.ts'
import { SimClock } from '../../src/system/sim/index.ts'

const WEEK = 604_800_000

test('an id is known while its message is on the way, forgotten when that fails, and kept once it is there', () => {
  const ids = new Ids({ clock: new SimClock(), memoryMs: WEEK })
  const key = idKey('aa', 'c', 'one')
  ids.expect(key)
  expect(ids.has(key)).toBe(true)
  ids.forget(key)
  expect(ids.has(key)).toBe(false)
  ids.add(key, 0)
  expect(ids.has(key)).toBe(true)
  expect(ids.has(idKey('aa', 'd', 'one'))).toBe(false)
  expect(ids.has(idKey('bb', 'c', 'one'))).toBe(false)
})

test('a hundred thousand ids are told apart', () => {
  const ids = new Ids({ clock: new SimClock(), memoryMs: WEEK })
  for (let i = 0; i < 100_000; i++) ids.add(idKey('aa', 'c', `${i}`), 1_000)
  expect(ids.size).toBe(100_000)
  for (let i = 0; i < 100_000; i += 97) expect(ids.has(idKey('aa', 'c', `${i}`))).toBe(true)
  for (let i = 100_000; i < 101_000; i++) expect(ids.has(idKey('aa', 'c', `${i}`))).toBe(false)
})

test('an id is forgotten after its time, and not because the clock jumped ahead for a while', async () => {
  const clock = new SimClock()
  const ids = new Ids({ clock, memoryMs: WEEK })
  const old = idKey('aa', 'c', 'old')
  ids.add(old, clock.now())
  clock.step(10 * WEEK)
  await clock.advance(600_000)
  ids.add(idKey('aa', 'c', 'from the future'), clock.now())
  clock.step(-10 * WEEK)
  await clock.advance(7_200_000)
  ids.add(idKey('aa', 'c', 'new'), clock.now())
  expect(ids.has(old)).toBe(true)
  await clock.advance(2 * WEEK)
  ids.add(idKey('aa', 'c', 'newer'), clock.now())
  await clock.advance(3_700_000)
  ids.add(idKey('aa', 'c', 'newest'), clock.now())
  expect(ids.has(old)).toBe(false)
})
