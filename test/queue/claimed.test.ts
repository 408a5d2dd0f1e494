import { expect, test } from 'vitest'
import { checkRun } from '../../src/queue/claimed.ts'
import { Intake } from '../../src/queue/intake.ts'
import type { Message } from '../../src/queue/message.ts'
import type { ClaimRun } from '../../src/server/inbox-port.ts'
import { InboxBed, rangeOf, texts } from '../server/inbox-bed.ts'
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
    expect(got).toEqual(['aaaa', 'cccc'])
    await Promise.all(messages.map(message => message.ack()))
    expect(damaged.inbox.in('dead')).toEqual([1])
  }
})

type Four<T> = [T, T, T, T]

test('of a claim with a broken length and a short read nothing behind it is handed over under another name', async () => {
  const { inbox } = fakeQueue()
  inbox.put('common', 'aaaa', 'bbbb', 'cccc', 'dddd')
  const [first, second, third, fourth] = inbox.kept as Four<(typeof inbox.kept)[0]>
  const bytes = Buffer.from(inbox.file.subarray(first.at, fourth.at + fourth.bytes))
  bytes[second.at - first.at]! ^= 64
  const run = { count: 4, bytes: bytes.length } as ClaimRun
  expect([...checkRun(run, bytes).damaged!.keys()]).toEqual([1])
  const cut = bytes.subarray(0, fourth.at - first.at)
  expect([...checkRun(run, cut).damaged!.keys()]).toEqual([1, 2, 3])
  // A second fault behind the first: what lies between them cannot be told apart.
  bytes[third.at - first.at + third.bytes - 1]! ^= 1
  const twice = checkRun(run, bytes)
  expect([...twice.damaged!.keys()]).toEqual([1, 2])
  expect(twice.offsets[3]).toBe(fourth.at - first.at)
})

test.each([
  { hit: 'length', at: -1 },
  { hit: 'body', at: 60 }
])(
  'DISK-11: a bit flipped in the $hit of a message in the inbox: all others are handed over, and it is dead, once called damaged',
  async ({ at }) => {
    const bed = new InboxBed(1)
    const inbox = await bed.open()
    const range = rangeOf('s', 0, texts(5, 'a long enough text '.repeat(3)))
    await bed.until(inbox.appendRange(range))
    const { disk } = bed.node
    const [name] = [...disk.disk.folder('/spool/inbox/c').names.keys()].filter(file => file.endsWith('.seg'))
    const path = `/spool/inbox/c/${name}`
    const begin = disk.peek(path)!.indexOf(range.entries) + range.offsets[2]!
    disk.flip(path, at < 0 ? begin : begin + at, 3)
    const intake = new Intake(bed.process, () => Promise.resolve(inbox.port({ own: true })))
    const batch = await bed.until(intake.take(bed.ask()))
    const got: unknown[] = []
    for (let message = batch!.next(); message !== undefined; message = batch!.next()) {
      got.push((message.body as string).slice(-1))
      message.settle('ack')
    }
    await bed.until(intake.verdicts.idle())
    expect(got).toEqual(['0', '1', '3', '4'])
    expect(bed.dead.map(({ position, reason }) => ({ position, reason }))).toEqual([
      { position: 2, reason: expect.stringMatching(/^damaged: (?!damaged)/) }
    ])
    await bed.until(intake.close())
  }
)

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
