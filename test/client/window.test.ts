import { expect, test } from 'vitest'
import { addFlight, cutRange, type Flight, findingOf, firstGap, gapEnd, removeFlight } from '../../src/client/window.ts'
import { entriesOf } from './model.ts'

function flight(from: number, to: number, ackedThen = 0): Flight {
  return { from, to, bytes: 0, began: 0, ackedThen }
}

test('the first gap is found by every set of flights over eight positions, as a count of each position finds it', () => {
  const all: Flight[] = []
  for (let from = 0; from < 8; from++) for (let to = from + 1; to <= 8; to++) all.push(flight(from, to))
  const wrong: object[] = []
  for (let acked = 0; acked <= 8; acked++) {
    for (let i = 0; i < all.length; i++) {
      for (let j = i; j < all.length; j++) {
        const flights: Flight[] = []
        addFlight(flights, all[j]!)
        addFlight(flights, all[i]!)
        let want = acked
        while (flights.some(({ from, to }) => from <= want && want < to)) want++
        const end = Math.min(...flights.map(({ from }) => from).filter(from => from > want))
        if (firstGap(acked, flights) !== want || gapEnd(want, flights) !== end)
          wrong.push({ acked, flights, want, end })
      }
    }
  }
  expect(wrong).toEqual([])
})

test('flights are kept in order of position and removed by identity', () => {
  const flights: Flight[] = []
  const [a, b, c] = [flight(5, 9), flight(0, 5), flight(5, 9)]
  for (const one of [a, b, c]) addFlight(flights, one)
  expect(flights.map(({ from }) => from)).toEqual([0, 5, 5])
  removeFlight(flights, c)
  removeFlight(flights, c)
  expect(flights[1]).toBe(a)
  expect(flights).toHaveLength(2)
})

test('a range is cut between two entries, and its bytes are those below the cut', () => {
  const range = { from: 10, to: 15, count: 5, entries: entriesOf(10, 15) }
  expect(cutRange(range, 15)).toBe(range)
  expect(cutRange(range, 99)).toBe(range)
  for (let to = 11; to < 15; to++) {
    expect(cutRange(range, to)).toEqual({ from: 10, to, count: to - 10, entries: entriesOf(10, to) })
  }
  expect(cutRange({ from: 0, to: 9, skip: 'expired' }, 4)).toEqual({ from: 0, to: 4, skip: 'expired' })
})

test('an answer below what was known when its upload left is a loss; answers that overtook each other are not', () => {
  expect(findingOf(flight(20, 30, 20), 19)).toBe('lost')
  expect(findingOf(flight(20, 30, 20), 20)).toBe('none')
  expect(findingOf(flight(20, 30, 20), 25)).toBe('progress')
  // The one that left later came back first, with 30: this one still is progress, since it left at 10.
  expect(findingOf(flight(10, 20, 10), 20)).toBe('progress')
})
