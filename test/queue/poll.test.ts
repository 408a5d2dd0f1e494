import { expect, test } from 'vitest'
import { DroprError } from '../../src/errors.ts'
import { failure, fakeQueue } from './fake-queue.ts'

test('an empty channel gives undefined, or no messages', async () => {
  const { queue } = fakeQueue()
  expect(await queue.poll()).toBeUndefined()
  expect(await queue.poll({ max: 5 })).toEqual([])
})

test('a limit of 1, 2 or 10 with 10 queued gives 1, 2 or 10, in order', async () => {
  for (const max of [1, 2, 10]) {
    const { queue, inbox } = fakeQueue()
    inbox.put('common', ...Array.from({ length: 10 }, (_, i) => `m${i}`))
    const messages = await queue.poll({ max })
    expect(messages.map(message => message.body)).toEqual(Array.from({ length: max }, (_, i) => `m${i}`))
    expect(inbox.in('leased').length).toBe(max)
  }
})

test('a poll of one asks the owner for one', async () => {
  const { queue, inbox } = fakeQueue()
  inbox.put('common', 'a', 'b')
  expect((await queue.poll())?.body).toBe('a')
  expect(inbox.claims).toMatchObject([{ max: 1, waitMs: 0, channels: ['common'] }])
})

test('a message carries what was sent and how it came', async () => {
  const { queue, inbox, clock } = fakeQueue()
  const sentAt = clock.now()
  inbox.put('orders/eu', { id: 'order-1', body: 'x', headers: { a: 'b' }, expiresAt: sentAt + 1000 })
  const message = await queue.poll({ channel: 'orders/eu', lease: '30s' })
  expect(message).toMatchObject({
    id: 'order-1',
    channel: 'orders/eu',
    priority: 4,
    headers: { a: 'b' },
    from: 'berlin',
    sentAt,
    expiresAt: sentAt + 1000,
    receivedAt: 7,
    attempt: 1,
    deliveries: 1,
    redelivered: false,
    leaseUntil: sentAt + 30_000
  })
})

test('the body given back is what was sent: text, bytes or value', async () => {
  const { queue, inbox } = fakeQueue()
  const all = Buffer.from(Array.from({ length: 256 }, (_, i) => i))
  inbox.put(
    'common',
    '',
    'grüße',
    { kind: 'bytes', body: all },
    { kind: 'bytes', body: '' },
    { kind: 'json', body: '{"a":[1]}' },
    { kind: 'json', body: 'null' }
  )
  const messages = await queue.poll({ max: 10 })
  expect(messages.map(message => message.body)).toEqual(['', 'grüße', all, Buffer.alloc(0), { a: [1] }, null])
  expect(messages[1]!.bytes()).toEqual(Buffer.from('grüße'))
  expect(messages[4]!.text()).toBe('{"a":[1]}')
})

test('changing the bytes of one message changes nothing else', async () => {
  const { queue, inbox } = fakeQueue()
  inbox.put('common', 'aaaa', 'bbbb')
  const [first, second] = await queue.poll({ max: 2 })
  first!.bytes().fill(0)
  expect([first!.body, second!.body]).toEqual(['aaaa', 'bbbb'])
})

test.each([
  ['text that is not JSON', '{'],
  ['a key __proto__', '{"__proto__":{"admin":true}}'],
  ['a key __proto__ in disguise', '{"\\u005f_proto__":1}'],
  ['200,000 brackets', '['.repeat(200_000)],
  ['65 levels', `${'['.repeat(65)}${']'.repeat(65)}`]
])('json() refuses %s with BODY_NOT_JSON, and text() still gives it', async (_, body) => {
  const { queue, inbox } = fakeQueue()
  inbox.put('common', body)
  const message = (await queue.poll())!
  expect(() => message.json()).toThrow(DroprError)
  expect(message.text()).toBe(body)
  expect(({} as { admin?: unknown }).admin).toBeUndefined()
})

test('a wait ends when a message comes, and with undefined when none does', async () => {
  const { queue, inbox, clock } = fakeQueue()
  const polling = queue.poll({ wait: '10s' })
  await clock.advance(3_000)
  inbox.put('common', 'late')
  const message = await clock.until(polling)
  expect(message?.body).toBe('late')
  expect(clock.ticks()).toBe(3_000)
  await message!.ack()
  expect(await clock.until(queue.poll({ wait: '10m' }))).toBeUndefined()
  expect(clock.ticks()).toBe(603_000)
})

test('an aborted wait rejects with ABORTED and holds nothing', async () => {
  const { queue, inbox, clock } = fakeQueue()
  const stop = new AbortController()
  const polling = failure(queue.poll({ wait: '10s', signal: stop.signal }))
  await clock.advance(1)
  stop.abort()
  expect((await clock.until(polling)).code).toBe('ABORTED')
  inbox.put('common', 'x')
  expect((await queue.poll())?.body).toBe('x')
  expect((await failure(queue.poll({ signal: stop.signal }))).code).toBe('ABORTED')
})

test('a poll that waits rejects with CLOSED when the queue closes', async () => {
  const { queue, clock } = fakeQueue()
  const polling = failure(queue.poll({ wait: '10s' }))
  await clock.advance(1)
  await clock.until(queue.close())
  expect((await polling).code).toBe('CLOSED')
  expect((await failure(queue.poll())).code).toBe('CLOSED')
  expect(() => queue.consume('c', () => undefined)).toThrow(/closed/)
  expect((await failure(queue.messages().next())).code).toBe('CLOSED')
})

const BAD: [string, object, RegExp][] = [
  ['an unknown option', { chanel: 'x' }, /chanel.*channel/],
  ['max 0', { max: 0 }, /max/],
  ['max 1.5', { max: 1.5 }, /max/],
  ['wait soon', { wait: 'soon' }, /wait/],
  ['a lease of 1 ms', { lease: 1 }, /lease/],
  ['no channels', { channels: [] }, /channels/],
  ['channel and channels', { channel: 'a', channels: ['b'] }, /channel/]
]

test.each(BAD)('%s is a TypeError that names it', async (_, options, text) => {
  const error = await failure(fakeQueue().queue.poll(options))
  expect(error).toBeInstanceOf(TypeError)
  expect(error.message).toMatch(text)
})

test('the owner is looked for at the first poll, and again when it was not found', async () => {
  const { queue, inbox, attaching, attached } = fakeQueue()
  expect(attached()).toBe(0)
  attaching.failing = new DroprError('OWNER_UNREACHABLE', 'stopped')
  expect((await failure(queue.poll())).code).toBe('OWNER_UNREACHABLE')
  inbox.put('common', 'x')
  expect((await queue.poll())?.body).toBe('x')
  expect(await queue.poll()).toBeUndefined()
  expect(attached()).toBe(2)
})

test('leases are forgotten when every message has its verdict', async () => {
  const { queue, inbox, intake } = fakeQueue()
  inbox.put('common', 'a', 'b')
  const messages = await queue.poll({ max: 2 })
  await messages[0]!.ack()
  expect(intake.leases.count).toBe(1)
  await messages[1]!.release()
  expect(intake.leases.count).toBe(0)
})
