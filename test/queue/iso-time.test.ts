import { expect, test } from 'vitest'
import { isoTime } from '../../src/queue/iso-time.ts'

test('an instant is written as a Date writes it, in every year a Date can have', () => {
  const most = 8_640_000_000_000_000
  const edges = [0, -1, 1, 999, 1_000, 59_999, 60_000, 3_599_999, 86_399_999, 86_400_000, -86_400_000, most, -most]
  const spread = Array.from({ length: 20_000 }, (_, i) =>
    Math.round(Math.sin(i * 7.31) * most * (i % 3 === 0 ? 1 : 2e-4))
  )
  const all = [...edges, ...spread, ...spread.map(one => one + 1)].filter(one => Math.abs(one) <= most)
  expect(all.filter(ms => isoTime(ms) !== new Date(ms).toISOString())).toEqual([])
})
