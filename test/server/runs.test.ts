import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Heap } from '../../src/server/heap.ts'
import { Runs } from '../../src/server/runs.ts'

const run = fc.tuple(fc.nat(60), fc.nat(12)).map(([from, length]) => [from, from + length] as [number, number])

test('a set of runs says of every position what a plain set says', () => {
  fc.assert(
    fc.property(fc.array(run, { maxLength: 20 }), run, (added, [from, to]) => {
      const runs = new Runs()
      const plain = new Set<number>()
      for (const [begin, end] of added) {
        runs.add(begin, end)
        for (let at = begin; at < end; at++) plain.add(at)
      }
      const asked = Array.from({ length: to - from }, (_, i) => from + i)
      expect(runs.count).toBe(plain.size)
      expect(runs.covers(from, to)).toBe(asked.every(at => plain.has(at)))
      expect(runs.touches(from, to)).toBe(asked.some(at => plain.has(at)))
      const missing = runs
        .gaps(from, to)
        .flatMap(([begin, end]) => Array.from({ length: end - begin }, (_, i) => begin + i))
      expect(missing).toEqual(asked.filter(at => !plain.has(at)))
      for (const [i, [begin, end]] of runs.list.entries()) {
        expect(begin).toBeLessThan(end)
        if (i > 0) expect(runs.list[i - 1]![1]).toBeLessThan(begin)
      }
    })
  )
})

test('a heap gives its items in order of their numbers, none before its time', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(100)), fc.nat(100), (keys, limit) => {
      const heap = new Heap<number>()
      for (const key of keys) heap.push(key, key)
      const popped: number[] = []
      for (let item = heap.popUpTo(limit); item !== undefined; item = heap.popUpTo(limit)) popped.push(item)
      expect(popped).toEqual(keys.filter(key => key <= limit).sort((a, b) => a - b))
      expect(heap.size).toBe(keys.length - popped.length)
    })
  )
})
