import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Block, freshPiece, orderOf, type Piece } from '../../src/server/pieces.ts'
import { Ready } from '../../src/server/ready.ts'
import type { StreamState } from '../../src/server/stream-state.ts'

const stream = { priority: 4 } as StreamState

function pieceAt(order: number, count = 1, read = { times: 0 }): Piece {
  const block = {
    stream,
    from: 0,
    to: count,
    get order() {
      read.times++
      return order
    }
  } as unknown as Block
  return freshPiece(block, 0, count)
}

function drained(ready: Ready): number[] {
  const orders: number[] = []
  for (let piece = ready.peek(); piece !== undefined; piece = ready.peek()) {
    orders.push(orderOf(piece))
    ready.shift()
  }
  return orders
}

test('whatever comes, comes back or goes: pieces are ready in the order of where they begin', () => {
  const step = fc.record({ act: fc.constantFrom('come', 'come', 'take', 'back', 'go'), n: fc.nat(1_000) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), steps => {
      const ready = new Ready()
      const model: Piece[] = []
      const taken: Piece[] = []
      let order = 0
      for (const { act, n } of steps) {
        const add = (piece: Piece) => {
          model.push(piece)
          ready.push(piece)
        }
        if (act === 'come') {
          // Several frames of one stream, with others between them: the next piece begins before this one ends.
          add(pieceAt(order, 1 + (n % 50)))
          order += 1 + (n % 3)
        } else if (act === 'take') {
          const piece = ready.peek()
          expect(piece === undefined ? undefined : orderOf(piece)).toBe(model.map(orderOf).sort((a, b) => a - b)[0])
          if (piece === undefined) continue
          ready.shift()
          taken.push(...model.splice(model.indexOf(piece), 1))
        } else if (act === 'back' && taken.length > 0) add(taken.splice(n % taken.length, 1)[0]!)
        else if (act === 'go' && model.length > 0) model.splice(n % model.length, 1)[0]!.state = 'gone'
      }
      const left = model.map(orderOf).sort((a, b) => a - b)
      expect(ready.first(10_000).map(orderOf)).toEqual(left)
      expect(drained(ready)).toEqual(left)
    })
  )
})

test('a piece of many frames that come between those of others finds its place at once', () => {
  const ready = new Ready()
  const read = { times: 0 }
  const many = 20_000
  for (let n = 0; n < many; n++) ready.push(pieceAt(n, 500, read))
  expect(read.times).toBeLessThan(many * 3)
  expect(drained(ready)).toEqual(Array.from({ length: many }, (_, n) => n))
})

test('P6: what comes back of a piece that was taken from in its place comes before the rest of it, whatever begins in between', () => {
  const ready = new Ready()
  // Of many frames, with those of another stream in between.
  const first = pieceAt(57, 59)
  const other = pieceAt(81, 135)
  ready.push(first)
  ready.push(other)
  first.from = 31
  ready.push({ ...first, from: 29, to: 31 })
  expect(ready.first(200).map(({ from, to }) => [from, to])).toEqual([
    [29, 31],
    [31, 59],
    [0, 135]
  ])
  expect(drained(ready)).toEqual([86, 88, 81])
})
