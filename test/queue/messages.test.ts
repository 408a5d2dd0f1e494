import { expect, test } from 'vitest'
import { failure, fakeQueue } from './fake-queue.ts'

const many = (count: number) => Array.from({ length: count }, (_, i) => `m${i}`)

test('a loop acknowledges a message when it asks for the next', async () => {
  const { queue, inbox, clock } = fakeQueue()
  inbox.put('c', ...many(50))
  const seen: unknown[] = []
  const loop = (async () => {
    for await (const message of queue.messages({ channel: 'c' })) {
      seen.push(message.body)
      if (message.body === 'm10') await message.reject('odd')
      if (seen.length === 50) break
    }
  })()
  await clock.until(loop)
  expect(seen).toEqual(many(50))
  expect(inbox.in('dead')).toEqual([10])
  expect(inbox.in('done').length).toBe(48)
  expect(inbox.in('leased')).toEqual([])
  expect(inbox.in('ready')).toEqual([49])
})

test('a loop that throws gives back the message in hand and all claimed ahead', async () => {
  const { queue, inbox, clock } = fakeQueue()
  inbox.put('c', ...many(50))
  const loop = (async () => {
    for await (const message of queue.messages('c')) if (message.body === 'm20') throw new Error('out')
  })()
  expect((await clock.until(failure(loop))).message).toBe('out')
  expect(inbox.in('done').length).toBe(20)
  expect(inbox.in('leased')).toEqual([])
})

test('E8: a loop ends when its signal aborts, with nothing left leased', async () => {
  const { queue, inbox, clock } = fakeQueue()
  inbox.put('c', ...many(3))
  const stop = new AbortController()
  let seen = 0
  const loop = (async () => {
    for await (const _ of queue.messages({ channel: 'c', signal: stop.signal })) seen++
  })()
  await clock.advance(1_000)
  expect(seen).toBe(3)
  stop.abort()
  await clock.until(loop)
  expect(inbox.in('done').length).toBe(3)
  expect(inbox.in('leased')).toEqual([])
})

test('a loop ends when the queue closes', async () => {
  const { queue, clock } = fakeQueue()
  const loop = (async () => {
    for await (const _ of queue.messages('c'));
  })()
  await clock.advance(10)
  await clock.until(queue.close())
  await clock.until(loop)
})
