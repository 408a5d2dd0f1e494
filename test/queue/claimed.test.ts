import { expect, test } from 'vitest'
import type { Message } from '../../src/queue/message.ts'
import { failure, fakeQueue } from './fake-queue.ts'

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
