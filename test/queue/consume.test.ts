import { expect, test } from 'vitest'
import { DroprError } from '../../src/errors.ts'
import { Reject } from '../../src/queue/reject.ts'
import { fakeQueue } from './fake-queue.ts'

const many = (count: number) => Array.from({ length: count }, (_, i) => `m${i}`)

test('a handler sees every message once, in order, and what returns is acknowledged', async () => {
  const { queue, inbox, clock } = fakeQueue()
  inbox.put('c', ...many(5_000))
  const seen: unknown[] = []
  const consumer = queue.consume('c', message => void seen.push(message.body))
  await clock.advance(100)
  await clock.until(consumer.stop())
  expect(seen).toEqual(many(5_000))
  expect(inbox.in('done').length).toBe(5_000)
  expect(inbox.told.length).toBeLessThan(200)
})

test('what throws is tried again with the reason; Reject is dead; an explicit verdict stands', async () => {
  const { queue, inbox, clock } = fakeQueue()
  inbox.put('c', 'throw', 'reject', 'release', 'fine')
  const consumer = queue.consume('c', async message => {
    if (message.attempt > 1 || message.redelivered) return
    if (message.body === 'throw') throw new Error('no luck')
    if (message.body === 'reject') throw new Reject('never')
    if (message.body === 'release') await message.release()
  })
  await clock.advance(100)
  await clock.until(consumer.stop())
  expect(inbox.told).toContainEqual(expect.objectContaining({ verdict: 'retry', reason: 'no luck' }))
  expect(inbox.told).toContainEqual(expect.objectContaining({ verdict: 'reject', reason: 'never' }))
  expect(inbox.told).toContainEqual(expect.objectContaining({ verdict: 'release' }))
  expect(inbox.in('done')).toEqual([0, 2, 3])
  expect(inbox.in('dead')).toEqual([1])
  expect(inbox.kept[0]!.attempts).toBe(1)
})

test('never more handlers at a time than asked for, and as many as asked for', async () => {
  const { queue, inbox, clock } = fakeQueue()
  inbox.put('c', ...many(100))
  let running = 0
  let most = 0
  const handler = async () => {
    most = Math.max(most, ++running)
    await clock.sleep(10)
    running--
  }
  const consumer = queue.consume('c', handler, { concurrency: 7 })
  await clock.advance(200)
  await clock.until(consumer.stop())
  expect(most).toBe(7)
  expect(inbox.in('done').length).toBe(100)
})

test('a slow handler holds few messages, a fast one gets large batches', async () => {
  const slow = fakeQueue()
  slow.inbox.put('c', ...many(1_000))
  const consumer = slow.queue.consume('c', () => slow.clock.sleep(1_000))
  await slow.clock.advance(10_500)
  expect(slow.inbox.in('leased').length).toBeLessThanOrEqual(3)
  await slow.clock.until(consumer.stop())
  const fast = fakeQueue()
  fast.inbox.put('c', ...many(20_000))
  fast.queue.consume('c', () => undefined)
  await fast.clock.advance(100)
  expect(fast.inbox.claims.length).toBeLessThan(60)
  expect(fast.inbox.in('done').length).toBe(20_000)
  await fast.clock.until(fast.queue.close())
})

test('stop lets handlers finish, gives back what has not started, and leaves nothing leased', async () => {
  const { queue, inbox, clock } = fakeQueue()
  inbox.put('c', ...many(100))
  const consumer = queue.consume('c', () => clock.sleep(50), { concurrency: 4 })
  await clock.advance(20)
  await clock.until(consumer.stop())
  expect(inbox.in('done')).toEqual([0, 1, 2, 3])
  expect(inbox.in('leased')).toEqual([])
  expect(inbox.in('ready').length).toBe(96)
  await consumer.done
})

test('a handler that does not finish within the time is told by its signal, and its message is given back', async () => {
  const { queue, inbox, clock } = fakeQueue()
  inbox.put('c', 'x')
  let signal: AbortSignal | undefined
  const consumer = queue.consume('c', message => {
    signal = message.signal
    return new Promise(() => undefined)
  })
  await clock.advance(1)
  const stopping = consumer.stop({ within: '2s' })
  await clock.advance(1_999)
  expect(signal?.aborted).toBe(false)
  await clock.until(stopping)
  expect(signal?.aborted).toBe(true)
  expect(inbox.in('ready')).toEqual([0])
})

test('its signal stops a consumer', async () => {
  const { queue, inbox, clock } = fakeQueue()
  const stop = new AbortController()
  const consumer = queue.consume('c', () => undefined, { signal: stop.signal })
  stop.abort()
  await clock.until(consumer.done)
  inbox.put('c', 'x')
  await clock.advance(1_000)
  expect(inbox.in('ready')).toEqual([0])
  await queue.consume('c', () => undefined, { signal: stop.signal }).done
})

test('leases are renewed at a third of their length while a handler runs, and not after', async () => {
  const { queue, inbox, clock } = fakeQueue()
  inbox.put('c', 'x')
  let lost = false
  const handler = async (message: { signal: AbortSignal }) => {
    await clock.sleep(10_000)
    lost = message.signal.aborted
  }
  const consumer = queue.consume('c', handler, { lease: '3s' })
  await clock.advance(10_100)
  expect(lost).toBe(false)
  expect(inbox.in('done')).toEqual([0])
  expect(inbox.extended.length).toBeGreaterThanOrEqual(9)
  const renewed = inbox.extended.length
  await clock.advance(10_000)
  expect(inbox.extended.length).toBe(renewed)
  await clock.until(consumer.stop())
})

test('when a renewal says that a lease is lost, the handler’s signal aborts', async () => {
  const { queue, inbox, clock } = fakeQueue()
  inbox.put('c', 'x')
  let abortedAt = 0
  const consumer = queue.consume(
    'c',
    async message => {
      message.signal.addEventListener('abort', () => {
        abortedAt = clock.ticks()
      })
      await clock.sleep(5_000)
    },
    { lease: '3s' }
  )
  inbox.extend = leases => Promise.resolve({ lost: leases, untilWall: 0 })
  await clock.advance(1_200)
  expect(abortedAt).toBeGreaterThan(0)
  expect(abortedAt).toBeLessThan(1_200)
  await clock.until(consumer.stop())
})

test('a renewal that fails is tried again before the lease is over', async () => {
  const { queue, inbox, clock } = fakeQueue()
  inbox.put('c', 'x')
  const consumer = queue.consume('c', () => clock.sleep(6_000), { lease: '3s' })
  await clock.advance(500)
  inbox.failing.extend = new DroprError('DISK_FULL', 'full')
  await clock.advance(6_000)
  expect(inbox.in('done')).toEqual([0])
  await clock.until(consumer.stop())
})

test('an ack that the disk refuses is told again while the lease lasts', async () => {
  const { queue, inbox, clock, logged } = fakeQueue()
  inbox.put('c', 'x')
  inbox.failing.settle = new DroprError('DISK_FULL', 'full')
  const consumer = queue.consume('c', () => undefined)
  await clock.advance(10)
  expect(inbox.in('done')).toEqual([])
  await clock.advance(2_000)
  expect(inbox.in('done')).toEqual([0])
  expect(logged.map(({ fields }) => fields.code)).toContain('DISK_FULL')
  await clock.until(consumer.stop())
})

test('claims that fail are tried again, ever more slowly', async () => {
  const { queue, inbox, clock } = fakeQueue()
  const claim = inbox.claim.bind(inbox)
  let tries = 0
  inbox.claim = () => {
    tries++
    return Promise.reject(new DroprError('DISK_ERROR', 'broken'))
  }
  const seen: unknown[] = []
  const consumer = queue.consume('c', message => void seen.push(message.body))
  await clock.advance(60_000)
  expect(tries).toBeGreaterThan(5)
  expect(tries).toBeLessThan(30)
  inbox.claim = claim
  inbox.put('c', 'x')
  await clock.advance(10_000)
  expect(seen).toEqual(['x'])
  await clock.until(consumer.stop())
})

test('close stops consumers and gives back what polls hold', async () => {
  const { queue, inbox, clock } = fakeQueue()
  inbox.put('c', ...many(10))
  inbox.put('d', 'polled')
  await queue.poll({ channel: 'd' })
  const consumer = queue.consume('c', () => clock.sleep(100))
  await clock.advance(50)
  await clock.until(queue.close())
  await consumer.done
  expect(inbox.closed).toBe(true)
  expect(inbox.in('done')).toEqual([0])
  expect(inbox.in('leased')).toEqual([])
})

test('a handler that is none, concurrency 0 and unknown options are TypeErrors', () => {
  const { queue } = fakeQueue()
  expect(() => queue.consume('c', 5 as unknown as () => void)).toThrow(/handler/)
  expect(() => queue.consume('c', () => undefined, { concurrency: 0 })).toThrow(/concurrency/)
  expect(() => queue.consume('c', () => undefined, { concurency: 1 } as object)).toThrow(/concurrency\?/)
  expect(() => queue.consume('', () => undefined)).toThrow(/channel/)
})
