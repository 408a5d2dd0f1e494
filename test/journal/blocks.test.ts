import { expect, test } from 'vitest'
import { Blocks, spareBlocks } from '../../src/journal/blocks.ts'

const KIB = 1_024

test('a block that was given back is taken again, for as much or for less, and is as long as asked for', () => {
  const blocks = new Blocks()
  const first = blocks.take(100 * KIB)
  expect(first.length).toBe(100 * KIB)
  blocks.give(first.subarray(5, 10))
  const again = blocks.take(70 * KIB)
  expect(again.buffer).toBe(first.buffer)
  expect([again.length, again.byteOffset]).toEqual([70 * KIB, 0])
  expect(blocks.take(70 * KIB).buffer).not.toBe(first.buffer)
})

test('what is no block, or was given back before, is not given to two', () => {
  const blocks = new Blocks()
  const block = blocks.take(64 * KIB)
  blocks.give(block)
  blocks.give(block)
  blocks.give(Buffer.alloc(64 * KIB))
  blocks.give(new Blocks().take(64 * KIB))
  blocks.give(blocks.take(10))
  expect(blocks.take(64 * KIB).buffer).toBe(block.buffer)
  expect(blocks.take(64 * KIB).buffer).not.toBe(block.buffer)
})

test('spare blocks are kept up to 16 MiB', () => {
  const blocks = new Blocks()
  const taken = Array.from({ length: 20 }, () => blocks.take(1_024 * KIB))
  for (const block of taken) blocks.give(block)
  const known = new Set(taken.map(({ buffer }) => buffer))
  const again = Array.from({ length: 20 }, () => blocks.take(1_024 * KIB))
  expect(again.filter(({ buffer }) => known.has(buffer)).length).toBe(16)
})

test('the spare blocks of the process are known, and go when it is quiet', () => {
  spareBlocks.letGo()
  const all = [new Blocks(), new Blocks()]
  const given = all.map(blocks => blocks.take(64 * KIB))
  given.forEach((block, i) => {
    all[i]!.give(block)
  })
  expect(spareBlocks.bytes()).toBe(128 * KIB)
  spareBlocks.letGo()
  expect([spareBlocks.bytes(), ...all.map(blocks => blocks.spareBytes)]).toEqual([0, 0, 0])
  const again = all[0]!.take(64 * KIB)
  expect(again.buffer).not.toBe(given[0]!.buffer)
  all[0]!.give(again)
  expect(spareBlocks.bytes()).toBe(64 * KIB)
})
