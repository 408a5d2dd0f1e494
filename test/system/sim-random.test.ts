import { expect, test } from 'vitest'
import { SimRandom } from '../../src/system/sim/index.ts'

test('a seed gives the same numbers for ever', () => {
  const random = new SimRandom(1)
  const row = [random.uint32(), random.uint32(), random.uint32()]
  const again = new SimRandom(1)
  expect([again.uint32(), again.uint32(), again.uint32()]).toEqual(row)
  expect(row).toEqual([381_931_711, 2_759_144_249, 4_289_921_925])
  expect(new SimRandom(2).uint32()).not.toBe(row[0])
})

test('a fork does not depend on what was drawn before', () => {
  const random = new SimRandom('seed')
  const early = random.fork('disk').bytes(8)
  random.next()
  expect(random.fork('disk').bytes(8)).toEqual(early)
  expect(random.fork('clock').bytes(8)).not.toEqual(early)
})

test('numbers are spread evenly over [0, 1)', () => {
  const random = new SimRandom(7)
  const counts = Array.from({ length: 10 }, () => 0)
  for (let draw = 0; draw < 100_000; draw++) counts[Math.floor(random.next() * 10)]!++
  for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500)
  expect(counts).toHaveLength(10)
})
