import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openQueue, type Queue, type QueueOptions } from '../../src/index.ts'
import { failure } from './fake-queue.ts'

let folder = ''
let spool = ''
const open: Queue[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dropr-queue-'))
  spool = join(folder, 'spool')
})

afterEach(async () => {
  for (const queue of open.splice(0)) await queue.close()
  await rm(folder, { recursive: true })
})

async function queueAt(options: QueueOptions = {}): Promise<Queue> {
  const queue = await openQueue({ spool, ...options })
  open.push(queue)
  return queue
}

test('with no daemon a message that was sent is polled, acknowledged and gone', async () => {
  const queue = await queueAt()
  const { id } = await queue.sendMessage('test')
  const message = (await queue.poll({ wait: '10s' }))!
  expect([message.id, message.body, message.channel, message.from]).toEqual([id, 'test', 'common', queue.node])
  expect(message.receivedAt).toBeGreaterThanOrEqual(message.sentAt)
  await message.ack()
  expect(await queue.poll()).toBeUndefined()
})

test('what one queue sent is there for the next one; what was acknowledged is not', async () => {
  const first = await queueAt({ node: 'berlin' })
  await first.sendMessages(['a', 'b', 'c'], { channel: 'orders/eu' })
  await (await first.poll({ channel: 'orders/eu', wait: '10s' }))!.ack()
  await first.close()
  const second = await queueAt()
  expect(second.node).toBe('berlin')
  const messages = []
  for (let i = 0; i < 2; i++) messages.push((await second.poll({ channel: 'orders/eu', wait: '10s' }))!)
  expect(messages.map(message => message.body)).toEqual(['b', 'c'])
  expect(messages.every(message => !message.redelivered)).toBe(true)
})

test('bodies of every kind come back byte for byte', async () => {
  const queue = await queueAt()
  const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, i) => (i * 7) & 255))
  const bodies = ['', 'grüße 🎈', Buffer.alloc(0), bytes, null, { a: [1, { b: 'x' }] }, [], 'x'.repeat(1_048_576)]
  await queue.sendMessages(bodies)
  const got: unknown[] = []
  while (got.length < bodies.length) {
    for (const message of await queue.poll({ max: 100, wait: '10s' })) got.push(message.body)
  }
  expect(got).toEqual(bodies)
})

test('higher priorities come first, and each priority in order', async () => {
  const queue = await queueAt()
  for (const [body, priority] of [
    ['a', 1],
    ['b', 9],
    ['c', 1],
    ['d', 9],
    ['e', 5]
  ] as const) {
    await queue.sendMessage(body, { priority })
  }
  await queue.close()
  const next = await queueAt()
  const got: unknown[] = []
  while (got.length < 5)
    for (const message of await next.poll({ max: 5 - got.length, wait: '10s' })) got.push(message.body)
  expect(got.map(String).toSorted((a, b) => (a < b ? -1 : 1))).toEqual(['a', 'b', 'c', 'd', 'e'])
  expect(got.indexOf('b')).toBeLessThan(got.indexOf('d'))
  expect(got.indexOf('a')).toBeLessThan(got.indexOf('c'))
})

test('two queues of one process share the inbox: each message goes to one of them', async () => {
  const [one, two] = [await queueAt(), await queueAt()]
  const seen: unknown[] = []
  const consumers = [one, two].map(queue =>
    queue.consume('c', async message => {
      seen.push(message.body)
      await Promise.resolve()
    })
  )
  await Promise.all(Array.from({ length: 2_000 }, (_, i) => one.sendMessage(`m${i}`, { channel: 'c' })))
  await expect.poll(() => seen.length, { timeout: 20_000 }).toBe(2_000)
  await Promise.all(consumers.map(consumer => consumer.stop()))
  expect(new Set(seen).size).toBe(2_000)
  expect(await two.poll({ channel: 'c' })).toBeUndefined()
})

test('what a closed queue held goes to the next one at once, marked', async () => {
  const first = await queueAt()
  await first.sendMessage('x')
  await first.poll({ wait: '10s' })
  await first.close()
  const again = (await (await queueAt()).poll({ wait: '10s' }))!
  expect([again.body, again.redelivered, again.attempt]).toEqual(['x', true, 1])
})

test('a retry comes back with its attempt counted; a rejected message does not', async () => {
  const queue = await queueAt()
  await queue.sendMessages(['x', 'y'])
  const first = (await queue.poll({ wait: '10s' }))!
  await first.retry({ after: 0, reason: 'no luck' })
  const second = (await queue.poll({ wait: '10s' }))!
  expect([second.body, second.attempt, second.deliveries]).toEqual(['x', 2, 2])
  await second.reject('never')
  const third = (await queue.poll({ wait: '10s' }))!
  expect(third.body).toBe('y')
  await third.ack()
  expect(await queue.poll()).toBeUndefined()
})

test('a lease that ends makes the earlier holder’s verdict too late', async () => {
  const queue = await queueAt()
  await queue.sendMessage('x')
  const late = (await queue.poll({ wait: '10s', lease: 100 }))!
  const again = (await queue.poll({ wait: '20s' }))!
  expect(again.deliveries).toBe(2)
  expect((await failure(late.ack())).code).toBe('LEASE_LOST')
  await again.ack()
})

test('a message for a peer waits in the outbox; one for an unknown peer is refused', async () => {
  const queue = await queueAt({ config: { peers: { tokyo: 'http://127.0.0.1:9' }, limits: { messageBytesMax: 1024 } } })
  await queue.sendMessage('x', { to: 'tokyo', channel: 'orders' })
  expect(await readdir(join(spool, 'outbox/tokyo/orders/4'))).toHaveLength(1)
  expect((await failure(queue.sendMessage('x', { to: 'oslo' }))).code).toBe('PEER_UNKNOWN')
  expect((await failure(queue.sendMessage('x'.repeat(1025)))).code).toBe('MESSAGE_TOO_LARGE')
})

test('the spool is made for its owner only, and unknown options are TypeErrors', async () => {
  await queueAt()
  expect((await stat(spool)).mode & 0o777).toBe(0o700)
  expect((await failure(openQueue({ spol: 'x' } as QueueOptions))).message).toMatch(/did you mean spool/)
  expect(await failure(openQueue({ spool, config: { peers: { A: 'http://x' } } }))).toBeInstanceOf(TypeError)
  expect((await failure(openQueue({ spool, node: 'other' }))).code).toBe('NODE_NAME_FIXED')
})

test('an id sent twice is polled once', async () => {
  const queue = await queueAt()
  await queue.sendMessage('x', { id: 'order-1' })
  await queue.sendMessage('x', { id: 'order-1' })
  await queue.sendMessage('end')
  const got: unknown[] = []
  while (!got.includes('end')) {
    const message = (await queue.poll({ wait: '10s' }))!
    got.push(message.body)
    await message.ack()
  }
  expect(got).toEqual(['x', 'end'])
})

test('a policy from the configuration holds over all queues of a spool, and a channel is paused for all of them', async () => {
  const config = { channels: { c: { leasedMax: 2, leaseMs: 5_000 } } }
  const one = await queueAt({ config })
  const other = await queueAt({ config })
  await one.sendMessages(['a', 'b', 'c'], { channel: 'c' })
  const held = await one.poll({ channel: 'c', max: 5 })
  expect(held.map(message => message.body)).toEqual(['a', 'b'])
  expect(held[0]!.leaseUntil - Date.now()).toBeLessThanOrEqual(5_000)
  expect(await other.poll({ channel: 'c' })).toBeUndefined()
  expect([await other.pause('c'), await one.pause('c')]).toEqual([true, false])
  await held[0]!.ack()
  expect(await other.poll({ channel: 'c' })).toBeUndefined()
  expect(await one.resume('c')).toBe(true)
  expect((await other.poll({ channel: 'c' }))?.body).toBe('c')
  expect(await failure(one.pause(''))).toBeInstanceOf(TypeError)
  await expect(queueAt({ config: { channels: { c: { leasdMax: 2 } as object } } })).rejects.toThrow(
    'did you mean leasedMax'
  )
})

test('a message held by one queue of a spool is not given to another, until it is let go', async () => {
  const one = await queueAt()
  const other = await queueAt()
  const { id } = await one.sendMessage('a')
  await one.sendMessage('b')
  expect([await other.hold(id), await one.hold(id, { channel: 'common' }), await one.hold('x')]).toEqual([1, 1, 0])
  expect((await other.poll())?.body).toBe('b')
  expect(await other.poll()).toBeUndefined()
  await one.unhold(id)
  expect((await other.poll())?.body).toBe('a')
  expect(await failure(one.hold('', {}))).toBeInstanceOf(TypeError)
})
