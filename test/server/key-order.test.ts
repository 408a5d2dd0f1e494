import { expect, test } from 'vitest'
import { KeyOrder } from '../../src/server/key-order.ts'
import { type Block, freshPiece, type Piece } from '../../src/server/pieces.ts'
import { StreamState } from '../../src/server/stream-state.ts'

function pieceOf(...numbers: number[]): Piece {
  const origin = { origin: 'aa'.repeat(16), node: 'berlin', channel: 'c', priority: 4 }
  const stream = new StreamState('s', origin)
  const none = new Uint32Array(numbers.length)
  const table = { begins: none, ends: none, expires: undefined, keys: Float64Array.from(numbers), later: undefined }
  const block: Block = {
    stream,
    from: 0,
    to: numbers.length,
    order: 0,
    at: 1,
    segment: undefined,
    path: '',
    payloadAt: 0,
    bytes: 0,
    frames: 1,
    expiring: false,
    receipts: false,
    keyed: true,
    table,
    live: numbers.length,
    each: undefined
  }
  return freshPiece(block, 0, numbers.length)
}

test('a run ends where a key is another’s, and what is parked is called up when the owner is done', () => {
  const keys = new KeyOrder(1)
  const all = pieceOf(7, 0, 8, 7, 8, 9)
  const { stream } = all.block
  expect(keys.own(all, 6)).toBe(3)
  const rest = { ...all, from: 3 }
  expect([keys.own(rest, 3), keys.busy(rest), keys.isFull]).toEqual([0, 2, false])
  const parked: Piece = { ...all, from: 3, to: 5, state: 'parked' }
  stream.add(parked)
  keys.park(parked)
  expect([keys.isFull, keys.isWaiting, keys.oldestAt]).toEqual([true, false, 1])
  keys.done(stream, 0, 2)
  expect(keys.isWaiting).toBe(true)
  expect(keys.next()).toEqual({ stream, position: 3 })
  expect(keys.next()).toBeUndefined()
  keys.done(stream, 2, 3)
  parked.block.table = undefined
  expect(keys.next()).toBe(parked.block)
})

test('when nobody of a key is left it is free, and there is room again', () => {
  const keys = new KeyOrder(1)
  const all = pieceOf(7, 7)
  const { stream } = all.block
  expect(keys.own(all, 2)).toBe(1)
  keys.park({ ...all, from: 1, state: 'parked' })
  keys.done(stream, 0, 1)
  expect(keys.take(7, { stream, position: 9 })).toBe(false)
  expect([keys.next(), keys.isFull, keys.isWaiting, keys.oldestAt]).toEqual([undefined, false, false, undefined])
  expect(keys.take(7, { stream, position: 9 })).toBe(true)
})
