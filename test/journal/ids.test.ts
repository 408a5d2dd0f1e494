import { expect, test } from 'vitest'
import { Ids, uuidText } from '../../src/journal/ids.ts'
import { SimClock, SimRandom } from '../../src/system/sim/index.ts'

test('A24: ids of one process rise while the clock stands, goes on and steps back', () => {
  const clock = new SimClock()
  const ids = new Ids(clock, new SimRandom(1))
  let last = ids.next()
  for (let i = 0; i < 10_000; i++) {
    if (i % 1_000 === 0) clock.step(i % 2_000 === 0 ? -3_600_000 : 7_000_000)
    const id = ids.next()
    expect(id > last).toBe(true)
    last = id
  }
})

test('A24: a million ids of 20 processes with one frozen clock are distinct', () => {
  const clock = new SimClock()
  const seen = new Set<string>()
  for (let process = 0; process < 20; process++) {
    const ids = new Ids(clock, new SimRandom(process))
    for (let i = 0; i < 50_000; i++) seen.add(ids.next())
  }
  expect(seen.size).toBe(1_000_000)
})

test('the bytes on disk are the id that was told', () => {
  const ids = new Ids(new SimClock(), new SimRandom(1))
  for (let i = 0; i < 100; i++) {
    const id = ids.next()
    const bytes = Buffer.alloc(16)
    ids.writeLast(bytes, 0)
    expect(uuidText(bytes, 0)).toBe(id)
  }
})
