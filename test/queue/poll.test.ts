import { expect, test } from 'vitest'
import { DroprError } from '../../src/errors.ts'
import type { JsonValue } from '../../src/message.ts'
import type { Message } from '../../src/queue/message.ts'
import { failure, fakeQueue } from './fake-inbox.ts'

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

test('verdicts of one turn share one call, and neighbours one run', async () => {
  const { queue, inbox } = fakeQueue()
  inbox.put('common', ...Array.from({ length: 100 }, (_, i) => `m${i}`))
  const messages = await queue.poll({ max: 100 })
  await Promise.all(messages.map((message, i) => (i === 50 ? message.reject('bad') : message.ack())))
  expect(inbox.settles).toBe(1)
  expect(inbox.told.map(({ verdict, runs, reason }) => ({ verdict, runs, reason }))).toEqual([
    {
      verdict: 'ack',
      runs: [
        [0, 50],
        [51, 100]
      ],
      reason: undefined
    },
    { verdict: 'reject', runs: [[50, 51]], reason: 'bad' }
  ])
})

test('retry counts an attempt, release does not; both mark the message redelivered', async () => {
  const { queue, inbox } = fakeQueue()
  inbox.put('common', 'x')
  await (await queue.poll())!.retry({ reason: 'later', after: '1s' })
  expect(inbox.told.at(-1)).toMatchObject({ verdict: 'retry', reason: 'later', afterMs: 1000 })
  const second = (await queue.poll())!
  expect([second.attempt, second.deliveries, second.redelivered]).toEqual([2, 2, true])
  await second.release()
  const third = (await queue.poll())!
  expect([third.attempt, third.deliveries]).toEqual([2, 3])
})

test('the same verdict again has the same answer; another one is LEASE_LOST', async () => {
  const { queue, inbox } = fakeQueue()
  inbox.put('common', 'x')
  const message = (await queue.poll())!
  await message.ack({ took: 3 })
  await message.ack()
  expect((await failure(message.retry())).code).toBe('LEASE_LOST')
  expect((await failure(message.extend())).code).toBe('LEASE_LOST')
  expect(inbox.told).toMatchObject([{ verdict: 'ack', result: { took: 3 } }])
})

test('a verdict after the lease is LEASE_LOST, and the message is somebody else’s', async () => {
  const { queue, inbox, clock } = fakeQueue()
  inbox.put('common', 'x')
  const late = (await queue.poll({ lease: '1s' }))!
  await clock.advance(1_001)
  const again = (await queue.poll())!
  expect((await failure(late.ack())).code).toBe('LEASE_LOST')
  await again.ack()
  expect(inbox.in('done')).toEqual([0])
})

test('a verdict that the disk refused may be told again', async () => {
  const { queue, inbox } = fakeQueue()
  inbox.put('common', 'x')
  const message = (await queue.poll())!
  inbox.failing.settle = new DroprError('DISK_FULL', 'full')
  expect((await failure(message.ack())).code).toBe('DISK_FULL')
  await message.ack()
  expect(inbox.in('done')).toEqual([0])
})

test('verdicts refuse what they cannot keep', async () => {
  const { queue, inbox } = fakeQueue()
  inbox.put('common', 'x')
  const message = (await queue.poll())!
  const wrong = [
    message.retry({ after: 'soon' }),
    message.retry({ afer: 1 } as object),
    message.release({ reason: 'x' } as object),
    message.reject(undefined as unknown as string),
    message.reject(5 as unknown as string),
    message.ack('x'.repeat(5_000)),
    message.ack((() => 1) as unknown as JsonValue)
  ]
  for (const verdict of wrong) expect(await failure(verdict)).toBeInstanceOf(TypeError)
  await message.ack()
})

test('extend moves the end of the lease', async () => {
  const { queue, inbox, clock } = fakeQueue()
  inbox.put('common', 'x')
  const message = (await queue.poll({ lease: '1s' }))!
  await clock.advance(900)
  await message.extend('10s')
  expect(message.leaseUntil).toBe(clock.now() + 10_000)
  await clock.advance(9_000)
  expect(message.signal.aborted).toBe(false)
  await message.ack()
})

test('the signal of a message aborts when its lease is over, whether or not the owner says so', async () => {
  const { queue, inbox, clock } = fakeQueue()
  inbox.put('common', 'a', 'b')
  const silent = (await queue.poll({ lease: '1s' }))!
  const told = (await queue.poll({ lease: '1h' }))!
  const signals = [silent.signal, told.signal]
  await clock.advance(999)
  expect(signals.map(signal => signal.aborted)).toEqual([false, false])
  await clock.advance(1)
  expect(signals.map(signal => signal.aborted)).toEqual([true, false])
  inbox.onLost(['1.2'])
  expect(signals.map(signal => signal.aborted)).toEqual([true, true])
})

test('a damaged entry is rejected as damaged and all others are handed over', async () => {
  const { queue, inbox } = fakeQueue()
  inbox.put('common', 'a', 'b', 'c')
  inbox.file[inbox.kept[1]!.at + inbox.kept[1]!.bytes - 1]! ^= 1
  const messages = await queue.poll({ max: 10 })
  expect(messages.map(message => message.body)).toEqual(['a', 'c'])
  await Promise.all(messages.map(message => message.ack()))
  expect(inbox.in('dead')).toEqual([1])
  expect(inbox.told[0]!.reason).toMatch(/^damaged: /)
})

test('every bit of an entry, flipped, costs no more than what it hit and never hands over other bytes', async () => {
  const bodies = ['aaaa', 'bbbb', 'cccc']
  const { inbox } = fakeQueue()
  inbox.put('common', ...bodies)
  const { at, bytes } = inbox.kept[1]!
  for (let bit = 0; bit < bytes * 8; bit++) {
    const damaged = fakeQueue()
    damaged.inbox.put('common', ...bodies)
    damaged.inbox.file[at + (bit >> 3)]! ^= 1 << (bit & 7)
    const messages: Message[] = await damaged.queue.poll({ max: 10 })
    const got = messages.map(message => message.body)
    // When the length is hit, the one behind it cannot be told apart either.
    expect(got).toEqual(bit < 32 ? ['aaaa'] : ['aaaa', 'cccc'])
    await Promise.all(messages.map(message => message.ack()))
    expect(damaged.inbox.in('dead')).toEqual(bit < 32 ? [1, 2] : [1])
  }
})

test('a message that expired while it lay here goes to the dead letters, not to the caller', async () => {
  const { queue, inbox, clock } = fakeQueue()
  inbox.put('common', { body: 'old', expiresAt: clock.now() + 10 }, 'new')
  await clock.advance(10)
  expect((await queue.poll())?.body).toBe('new')
  expect(inbox.told).toMatchObject([{ verdict: 'reject', reason: 'expired', runs: [[0, 1]] }])
})

test('when a segment cannot be read, poll says why and gives the messages back', async () => {
  const { queue, inbox, intake } = fakeQueue()
  inbox.put('common', 'a', 'b')
  const whole = inbox.file
  Object.defineProperty(inbox, 'file', {
    configurable: true,
    get: () => {
      throw Object.assign(new Error('too many'), { code: 'EMFILE' })
    }
  })
  expect((await failure(queue.poll({ max: 2 }))).code).toBe('FILES_EXHAUSTED')
  await intake.verdicts.idle()
  expect(inbox.told).toMatchObject([{ verdict: 'release', runs: [[0, 2]], afterMs: 1000 }])
  Object.defineProperty(inbox, 'file', { value: whole })
  expect((await queue.poll({ max: 2 })).length).toBe(2)
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
