import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DroprError } from '../../src/errors.ts'
import type { UploadRequest } from '../../src/wire/upload.ts'
import { entriesOf, STREAM, uploadOf } from './memory-store.ts'

import { codeOf, desk, limits, THREE } from './receiver-desk.ts'

test('a range is stored byte for byte and answered with how far its stream has come', async () => {
  const { send, store } = desk()
  const request = uploadOf({ entries: THREE })
  expect(await send(request)).toEqual({ stream: STREAM, nonce: request.nonce, next: 3, refused: [] })
  expect(store.bytesOf(STREAM).equals(THREE)).toBe(true)
})

test('nothing is answered before it is stored', async () => {
  const { send, store, clock } = desk()
  let release: () => void = () => undefined
  store.before = () =>
    new Promise(resolve => {
      release = resolve
    })
  let answered = false
  const sent = send(uploadOf({ entries: THREE })).finally(() => {
    answered = true
  })
  await clock.advance(60_000)
  expect(answered).toBe(false)
  release()
  await sent
  expect(answered).toBe(true)
})

test('a repeat of an old range is answered at once and stores nothing', async () => {
  const { send, store } = desk()
  await send(uploadOf({ entries: THREE }))
  store.before = () => {
    throw new Error('nothing is to be stored')
  }
  expect(await send(uploadOf({ entries: THREE }))).toMatchObject({ next: 3 })
  expect(await send(uploadOf({ from: 1, entries: entriesOf('two') }))).toMatchObject({ next: 3 })
  expect(store.ranges).toHaveLength(1)
})

test('of a range that overlaps what is here only the new positions are stored', async () => {
  const { send, store } = desk()
  await send(uploadOf({ entries: entriesOf('one') }))
  const { entries } = store.streams.get(STREAM)!
  const again = Buffer.concat([entries[0]!, entriesOf('two', 'three')])
  expect(await send(uploadOf({ entries: again }))).toMatchObject({ next: 3 })
  expect(store.bytesOf(STREAM).equals(again)).toBe(true)
})

test('ranges that arrive in any order are stored in theirs, once, also when each comes twice', async () => {
  await fc.assert(
    fc.asyncProperty(fc.shuffledSubarray([0, 1, 2, 3, 4, 0, 1, 2, 3, 4], { minLength: 10 }), async order => {
      const { send, store, clock } = desk()
      const parts = ['a', 'b', 'c', 'd', 'e'].map(text => entriesOf(text))
      const answers = Promise.all(order.map(from => send(uploadOf({ from, entries: parts[from]! }))))
      await clock.advance(1)
      for (const { next } of await answers) expect(next).toBeGreaterThan(0)
      expect(store.bytesOf(STREAM).equals(Buffer.concat(parts))).toBe(true)
    }),
    { numRuns: 50 }
  )
})

test('a range whose predecessors do not come is answered with a conflict that says where to go on', async () => {
  const { send, clock, receiver } = desk()
  await send(uploadOf({ entries: THREE }))
  const late = send(uploadOf({ from: 7, entries: THREE }))
  late.catch(() => undefined)
  await clock.advance(limits.answerMsMax / 2 - 1)
  expect(receiver.parkedBytes).toBe(THREE.length)
  await clock.advance(2)
  await expect(late).rejects.toMatchObject({ code: 'STREAM_CONFLICT', next: 3 })
  expect(receiver.parkedBytes).toBe(0)
})

test('no more bytes are parked than the limit, over all streams', async () => {
  const { send, receiver } = desk({ parkedBytesMax: THREE.length })
  send(uploadOf({ from: 7, entries: THREE })).catch(() => undefined)
  const other = uploadOf({ stream: '6'.repeat(32), from: 1, entries: THREE })
  await expect(send(other)).rejects.toMatchObject({ code: 'STREAM_CONFLICT', next: 0 })
  expect(receiver.parkedBytes).toBe(THREE.length)
})

test('when storing fails, the upload and those parked behind it fail with the same code, and a later one is taken', async () => {
  const { send, store, clock } = desk()
  store.before = async () => {
    await clock.sleep(10)
    throw new DroprError('DISK_FULL', 'full')
  }
  const first = codeOf(send(uploadOf({ entries: THREE })))
  const second = codeOf(send(uploadOf({ from: 3, entries: THREE })))
  await clock.advance(20)
  expect([await first, await second]).toEqual(['DISK_FULL', 'DISK_FULL'])
  store.before = () => undefined
  expect(await send(uploadOf({ entries: THREE }))).toMatchObject({ next: 3 })
})

test('a skip is stored like data, from where the stream is', async () => {
  const { send, store } = desk()
  await send(uploadOf({ entries: entriesOf('a') }))
  const skip = { from: 0, to: 10, reason: 'expired' } as const
  expect(await send(uploadOf({ from: 0, skip }))).toMatchObject({ next: 10 })
  expect(store.ranges[1]).toMatchObject({ from: 1, to: 10, skip: 'expired' })
  expect(await send(uploadOf({ from: 10, entries: entriesOf('b') }))).toMatchObject({ next: 11 })
})

test('SEC-10: a peer writes only streams and origins of its own', async () => {
  const { send, receiver, store } = desk()
  await send(uploadOf({ entries: THREE }))
  const rome = (changes: Partial<UploadRequest>) => send(uploadOf({ node: 'rome', entries: THREE, ...changes }))
  expect(await codeOf(rome({ from: 3 }))).toBe('PEER_FORBIDDEN')
  expect(await codeOf(rome({ stream: '6'.repeat(32) }))).toBe('PEER_FORBIDDEN')
  expect(await codeOf(rome({ from: 3, origin: 'b'.repeat(32) }))).toBe('PEER_FORBIDDEN')
  expect(await codeOf(receiver.receive(uploadOf({ entries: THREE }), 'rome'))).toBe('PEER_FORBIDDEN')
  expect(await codeOf(rome({ stream: '6'.repeat(32), origin: 'b'.repeat(32) }))).toBe('taken')
  expect(store.ranges).toHaveLength(2)
})

test('a stream keeps its channel and its priority', async () => {
  const { send } = desk()
  await send(uploadOf({ entries: THREE }))
  expect(await codeOf(send(uploadOf({ from: 3, entries: THREE, channel: 'other' })))).toBe('REQUEST_BAD')
  expect(await codeOf(send(uploadOf({ from: 3, entries: THREE, priority: 5 })))).toBe('REQUEST_BAD')
})
