import { expect, test } from 'vitest'
import { DroprError } from '../../src/errors.ts'
import type { Body } from '../../src/message.ts'
import type { SendOptions } from '../../src/queue/send-options.ts'
import { failure, fakeQueue } from './fake-queue.ts'

test('a send with nothing said goes to this node, channel common, priority 4, synced', async () => {
  const { queue, outbox } = fakeQueue()
  expect(await queue.sendMessage('test')).toEqual({ id: 'id-1', state: 'queued', durability: 'synced' })
  expect(outbox.sent[0]).toMatchObject({ peer: 'berlin', channel: 'common', priority: 4, buffered: false })
  expect(outbox.sent[0]!.draft).toMatchObject({ kind: 'text', body: 'test', id: undefined })
})

test('channel, peer, priority, id, headers and durability arrive at the outbox as they were given', async () => {
  const { queue, outbox } = fakeQueue()
  const options: SendOptions = {
    channel: 'orders/eu',
    to: 'tokyo',
    priority: 9,
    id: 'order-1',
    headers: { 'X-Kind': 'a\r\nb' },
    durability: 'buffered'
  }
  expect(await queue.sendMessage('x', options)).toEqual({ id: 'order-1', state: 'queued', durability: 'buffered' })
  expect(outbox.sent[0]).toMatchObject({ peer: 'tokyo', channel: 'orders/eu', priority: 9, buffered: true })
  expect(outbox.sent[0]!.draft).toMatchObject({ id: 'order-1', headers: { 'X-Kind': 'a\r\nb' } })
})

test('bodies are text, bytes or JSON; empty ones too', async () => {
  const { queue, outbox } = fakeQueue()
  const bodies: Body[] = ['', new Uint8Array(0), Buffer.from([0, 255]), null, 0, false, [], {}, { a: [1, 'x'] }]
  await queue.sendMessages(bodies)
  expect(outbox.sent.map(({ draft }) => draft.kind)).toEqual([
    'text',
    'bytes',
    'bytes',
    'json',
    'json',
    'json',
    'json',
    'json',
    'json'
  ])
  expect(outbox.sent.at(-1)!.draft.body).toBe('{"a":[1,"x"]}')
})

const circular: Record<string, unknown> = {}
circular.self = circular
let deep: unknown = 1
for (let i = 0; i < 65; i++) deep = [deep]
const NOT_BODIES: [string, unknown][] = [
  ['undefined', undefined],
  ['a function', () => 1],
  ['a symbol', Symbol('x')],
  ['a bigint', 1n],
  ['a circular object', circular],
  ['a promise', Promise.resolve(1)],
  ['a Map', new Map()],
  ['a Set', new Set()],
  ['an ArrayBuffer', new ArrayBuffer(3)],
  ['a Float64Array', new Float64Array(3)],
  ['65 levels of JSON', deep],
  ['a key __proto__', JSON.parse('{"a":{"__proto__":1}}')],
  ['text with half a surrogate pair', 'a\ud800b']
]

test.each(NOT_BODIES)('%s is no body: a TypeError, and nothing is sent', async (_, body) => {
  const { queue, outbox } = fakeQueue()
  expect(await failure(queue.sendMessage(body as Body))).toBeInstanceOf(TypeError)
  expect(await failure(queue.sendMessages(['good', body as Body]))).toBeInstanceOf(TypeError)
  expect(outbox.sent).toEqual([])
})

test('64 levels of JSON, and __proto__ as a value, are a body', async () => {
  const { queue, outbox } = fakeQueue()
  await queue.sendMessage((deep as Body[])[0]!)
  await queue.sendMessage({ a: '"__proto__"', b: '__proto__' })
  expect(outbox.sent.length).toBe(2)
})

const BAD_OPTIONS: [string, object, RegExp][] = [
  ['an unknown option', { chanel: 'x' }, /"chanel".*did you mean channel\?/],
  ['a nonsense option', { zzzzzzzz: 1 }, /"zzzzzzzz".*it takes channel/],
  ['an empty channel', { channel: '' }, /channel/],
  ['a channel with a control character', { channel: 'a\nb' }, /channel/],
  ['priority 10', { priority: 10 }, /priority/],
  ['priority as text', { priority: '4' }, /priority/],
  ['priority 1.5', { priority: 1.5 }, /priority/],
  ['a peer in upper case', { to: 'Tokyo' }, /to must/],
  ['no peers', { to: [] }, /to must/],
  ['a peer twice', { to: ['tokyo', 'tokyo'] }, /tokyo twice/],
  ['an empty id', { id: '' }, /id/],
  ['an id of 256 bytes', { id: 'ü'.repeat(128) }, /id/],
  ['an id with a newline', { id: 'a\nb' }, /id/],
  ['a header that is a number', { headers: { a: 1 } }, /header "a"/],
  ['headers that are an array', { headers: ['a'] }, /headers/],
  ['ttl 0', { ttl: 0 }, /ttl/],
  ['ttl in parsecs', { ttl: '1pc' }, /ttl/],
  ['ttl with expiresAt', { ttl: 1, expiresAt: 1 }, /ttl/],
  ['an invalid Date', { expiresAt: new Date(Number.NaN) }, /expiresAt/],
  ['a date before 1970', { expiresAt: -1 }, /expiresAt/],
  ['durability none', { durability: 'none' }, /durability/],
  ['a signal that is none', { signal: {} }, /signal/],
  ['options that are text', 'orders' as unknown as object, /options/]
]

test.each(BAD_OPTIONS)('A14: %s is a TypeError that names it', async (_, options, text) => {
  const { queue, outbox } = fakeQueue()
  const error = await failure(queue.sendMessage('x', options))
  expect(error).toBeInstanceOf(TypeError)
  expect(error.message).toMatch(text)
  expect(outbox.sent).toEqual([])
})

test('sendMessages takes neither an id nor several peers', async () => {
  const { queue } = fakeQueue()
  expect((await failure(queue.sendMessages(['x'], { id: 'a' } as object))).message).toMatch(/id/)
  expect((await failure(queue.sendMessages(['x'], { to: ['tokyo'] } as object))).message).toMatch(/to/)
  expect(await queue.sendMessages([])).toEqual([])
})

test('C24: a peer that is not configured is refused with PEER_UNKNOWN and the nearest name', async () => {
  const { queue } = fakeQueue()
  const error = await failure(queue.sendMessage('x', { to: 'tokio' }))
  expect(error.code).toBe('PEER_UNKNOWN')
  expect(error.message).toMatch(/did you mean tokyo/)
})

test('a body, or headers, above their limits are MESSAGE_TOO_LARGE; at the limit they go', async () => {
  const limits = { messageBytesMax: 1024, headersMax: 2, headerBytesMax: 10 }
  const { queue, outbox } = fakeQueue({ limits })
  await queue.sendMessage('ü'.repeat(512), { headers: { a: '1234', b: '1234' } })
  await queue.sendMessage(Buffer.alloc(1024))
  expect(outbox.sent.length).toBe(2)
  const tooLarge = [
    queue.sendMessage('ü'.repeat(513)),
    queue.sendMessage(Buffer.alloc(1025)),
    queue.sendMessage(['x'.repeat(1021)]),
    queue.sendMessage('', { headers: { a: '1', b: '2', c: '3' } }),
    queue.sendMessage('', { headers: { a: '1234567890' } }),
    queue.sendMessages(['small', 'x'.repeat(1025)])
  ]
  for (const send of tooLarge) expect((await failure(send)).code).toBe('MESSAGE_TOO_LARGE')
  expect(outbox.sent.length).toBe(2)
})

test('ttl is counted from the send; expiresAt may be a Date or a number', async () => {
  const { queue, outbox, clock } = fakeQueue()
  const now = clock.now()
  await queue.sendMessage('x', { ttl: '10s' })
  await queue.sendMessage('x', { expiresAt: new Date(now + 5) })
  await queue.sendMessage('x', { expiresAt: now - 5 })
  expect(outbox.sent.map(({ draft }) => draft.expiresAt! - now)).toEqual([10_000, 5, -5])
})

test('several peers get one copy each under one id', async () => {
  const { queue, outbox } = fakeQueue()
  const receipt = await queue.sendMessage('x', { to: ['tokyo', 'paris', 'berlin'] })
  expect(outbox.sent.map(({ peer }) => peer)).toEqual(['tokyo', 'paris', 'berlin'])
  expect(new Set(outbox.sent.map(({ draft }) => draft.id))).toEqual(new Set([receipt.id]))
})

test('when one of several peers cannot be reached by name, nobody gets it', async () => {
  const { queue, outbox } = fakeQueue()
  expect((await failure(queue.sendMessage('x', { to: ['tokyo', 'oslo'] }))).code).toBe('PEER_UNKNOWN')
  expect(outbox.sent).toEqual([])
})

test('what the disk says comes through', async () => {
  const { queue, outbox } = fakeQueue()
  outbox.failing = new DroprError('DISK_FULL', 'full')
  expect((await failure(queue.sendMessage('x'))).code).toBe('DISK_FULL')
  expect((await failure(queue.sendMessage('x', { to: ['tokyo', 'paris'] }))).code).toBe('DISK_FULL')
})

test('a signal that has aborted sends nothing; one that aborts later ends the waiting only', async () => {
  const { queue, outbox } = fakeQueue()
  expect((await failure(queue.sendMessage('x', { signal: AbortSignal.abort() }))).code).toBe('ABORTED')
  expect(outbox.sent).toEqual([])
  const later = new AbortController()
  outbox.append = () => new Promise(() => undefined)
  const sending = failure(queue.sendMessage('x', { signal: later.signal }))
  later.abort()
  expect((await sending).code).toBe('ABORTED')
})

test('after close every send rejects with CLOSED', async () => {
  const { queue } = fakeQueue()
  await queue.close()
  await queue.close()
  expect((await failure(queue.sendMessage('x'))).code).toBe('CLOSED')
  expect((await failure(queue.sendMessages(['x']))).code).toBe('CLOSED')
})

test('channels named like parts of Object work', async () => {
  const { queue, outbox } = fakeQueue()
  for (const channel of ['__proto__', 'constructor', 'toString']) await queue.sendMessage('x', { channel })
  expect(outbox.sent.map(({ channel }) => channel)).toEqual(['__proto__', 'constructor', 'toString'])
})

test('A12: a batch in which two ids are equal is rejected as a whole with ID_REPEATED, and leaves none', async () => {
  const { queue, outbox } = fakeQueue()
  const twice = await failure(queue.sendMessages(['a', 'b', 'c'], { ids: ['x', 'y', 'x'] }))
  expect(twice).toMatchObject({ code: 'ID_REPEATED', message: expect.stringContaining('"x"') })
  for (const ids of [['x'], ['x', 'y', 'z', 'a'], ['x', '', 'z'], 'xyz'])
    expect(await failure(queue.sendMessages(['a', 'b', 'c'], { ids: ids as string[] }))).toBeInstanceOf(TypeError)
  expect(outbox.sent).toEqual([])
  const receipts = await queue.sendMessages(['a', 'b', 'c'], { ids: ['x', 'y', 'z'] })
  expect(receipts.map(({ id }) => id)).toEqual(['x', 'y', 'z'])
  expect(outbox.sent.map(({ draft }) => draft.id)).toEqual(['x', 'y', 'z'])
})
