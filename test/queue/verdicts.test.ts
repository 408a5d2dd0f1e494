import { expect, test } from 'vitest'
import { DroprError } from '../../src/errors.ts'
import type { JsonValue } from '../../src/message.ts'
import { failure, fakeQueue } from './fake-queue.ts'

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
