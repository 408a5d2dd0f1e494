import { mkdtemp, readdir, rm, utimes } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openQueue, type Queue } from '../../src/index.ts'
import type { SendOptions } from '../../src/queue/send-options.ts'
import { failure, fakeQueue } from './fake-queue.ts'

const HOUR_MS = 3_600_000

test('a message for later goes to the schedule and not to the outbox, and its receipt says when in UTC', async () => {
  const { queue, outbox, box } = fakeQueue()
  const deliverAt = '2030-12-24T18:00:00+01:00'
  const receipt = await queue.sendMessage('x', { deliverAt, channel: 'c', to: 'tokyo', priority: 7 })
  const dueAt = '2030-12-24T17:00:00.000Z'
  expect(receipt).toEqual({ id: 'held-1-0', state: 'scheduled', durability: 'synced', dueAt })
  expect(box.held).toMatchObject([[{ due: { at: Date.parse(dueAt), to: 'tokyo', channel: 'c', priority: 7 } }]])
  expect(outbox.sent).toEqual([])
})

test('a delay counts from now, text without an offset is read in the configured zone', async () => {
  const { queue, clock } = fakeQueue()
  const now = clock.now()
  const dueAt = async (options: SendOptions) => Date.parse((await queue.sendMessage('x', options)).dueAt!)
  expect(await dueAt({ delay: '2h' })).toBe(now + 2 * HOUR_MS)
  expect(await dueAt({ delay: 0 })).toBe(now)
  expect(await dueAt({ deliverAt: new Date(now + 5) })).toBe(now + 5)
  expect(await dueAt({ deliverAt: now + 6 })).toBe(now + 6)
  expect(await dueAt({ deliverAt: '2014-08-01 13:30:00' })).toBe(Date.parse('2014-08-01T11:30:00Z'))
  expect(await dueAt({ deliverAt: '2099-07-01T00:00Z' })).toBe(Date.parse('2099-07-01T00:00Z'))
})

test.each([
  ['both', { deliverAt: 1, delay: 1 }, /exclude/],
  ['a word', { deliverAt: 'soonish' }, /deliverAt.*soonish/],
  ['a date that no calendar has', { deliverAt: '2030-02-30T00:00Z' }, /deliverAt/],
  ['an invalid Date', { deliverAt: new Date(Number.NaN) }, /deliverAt/],
  ['a negative delay', { delay: -1 }, /delay/],
  ['rejectPast as text', { delay: 1, rejectPast: 'yes' }, /rejectPast/],
  ['a life that ends before it begins', { delay: '2h', ttl: '1h' }, /ttl/]
])('%s is a TypeError, and nothing is kept', async (_, options, text) => {
  const { queue, box, outbox } = fakeQueue()
  for (const work of [queue.sendMessage('x', options as SendOptions), queue.sendMessages(['x'], options as object)]) {
    const error = await failure(work)
    expect(error).toBeInstanceOf(TypeError)
    expect(error.message).toMatch(text)
  }
  expect([box.held, outbox.sent]).toEqual([[], []])
})

test('H14: a time that has passed is taken, or with rejectPast refused as DUE_PAST', async () => {
  const { queue, box, clock } = fakeQueue()
  const deliverAt = clock.now() - 1
  expect(await queue.sendMessage('x', { deliverAt })).toMatchObject({ state: 'scheduled' })
  expect(await failure(queue.sendMessage('x', { deliverAt, rejectPast: true }))).toMatchObject({ code: 'DUE_PAST' })
  expect(await queue.sendMessage('x', { deliverAt: clock.now(), rejectPast: true })).toMatchObject({
    state: 'scheduled'
  })
  expect(box.held.length).toBe(2)
})

test('for several peers all copies are held in one batch under one id; a peer nobody knows keeps all of them out', async () => {
  const { queue, box } = fakeQueue()
  const { id } = await queue.sendMessage('x', { delay: '1h', to: ['tokyo', 'paris'] })
  expect(box.held[0]!.map(draft => [draft.id, draft.due.to])).toEqual([
    [id, 'tokyo'],
    [id, 'paris']
  ])
  expect(await failure(queue.sendMessage('x', { delay: '1h', to: ['tokyo', 'rome'] }))).toMatchObject({
    code: 'PEER_UNKNOWN'
  })
  await queue.sendMessages(['a', 'b'], { delay: '1h' })
  expect(box.held.map(batch => batch.length)).toEqual([2, 2])
})

let folder = ''
const open: Queue[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dropr-later-'))
})

afterEach(async () => {
  for (const one of open.splice(0)) await one.close({ within: '1s' })
  await rm(folder, { recursive: true })
})

async function queueAt(): Promise<Queue> {
  const queue = await openQueue({ spool: join(folder, 'spool') })
  open.push(queue)
  return queue
}

test('without any daemon, what is held is listed, shown, moved, edited and cancelled, and each answer says what is so', async () => {
  const queue = await queueAt()
  const { id } = await queue.sendMessage({ n: 1 }, { delay: '2d', channel: 'orders' })
  await queue.sendMessage('later', { delay: '3d' })
  const at = Date.now() + 86_400_000
  expect(await queue.schedule.reschedule(id, new Date(at))).toEqual({ id, done: true, state: 'scheduled', dueAt: at })
  expect(await queue.schedule.edit(id, { n: 2 })).toMatchObject({ done: true, state: 'scheduled' })
  expect((await queue.schedule.list({ to: '2d' })).messages).toMatchObject([{ id, channel: 'orders', dueAt: at }])
  const first = await queue.schedule.list({ limit: 1 })
  expect((await queue.schedule.list({ limit: 1, after: first.next! })).messages).toMatchObject([{ channel: 'common' }])
  const shown = await queue.schedule.show(id)
  expect(shown).toMatchObject({ state: 'scheduled', messages: [{ kind: 'json' }] })
  expect(shown.messages[0]!.body.toString()).toBe('{"n":2}')
  expect((await queue.schedule.forecast()).reduce((sum, row) => sum + row.messages, 0)).toBe(2)
  expect(await queue.schedule.cancel(id)).toMatchObject({ done: true, state: 'cancelled' })
  expect(await queue.schedule.cancel('nobody')).toEqual({ id: 'nobody', done: false, state: 'unknown' })
})

test('wrong arguments of queue.schedule are TypeErrors, a past time with rejectPast DUE_PAST, a closed queue CLOSED', async () => {
  const queue = await queueAt()
  const { schedule } = queue
  const wrong: Promise<unknown>[] = [
    schedule.cancel(''),
    schedule.reschedule('a', 'soonish'),
    schedule.edit('a', undefined as never),
    schedule.edit('a', 'x', { kid: 'json' } as never),
    schedule.list({ limit: 0 }),
    schedule.list({ after: 'what' }),
    schedule.list({ chanel: 'c' } as never)
  ]
  for (const work of wrong) expect(await failure(work)).toBeInstanceOf(TypeError)
  expect(await failure(schedule.reschedule('a', 1_000, { rejectPast: true }))).toMatchObject({ code: 'DUE_PAST' })
  await queue.close()
  expect(await failure(schedule.list())).toMatchObject({ code: 'CLOSED' })
})

test('H25: tick hands over what is due without a daemon; it is polled under its id, and says when it was due', async () => {
  const queue = await queueAt()
  const { id, dueAt } = await queue.sendMessage('x', {
    deliverAt: '2014-08-01T13:30:00Z',
    channel: 'c',
    key: 'ü"1',
    headers: { a: 'b' }
  })
  const held = await queue.sendMessage('y', { delay: '1d', channel: 'c', key: 'k2' })
  await queue.schedule.edit(held.id, 'z')
  expect(await queue.schedule.tick()).toMatchObject([{ id, channel: 'c', dueAt: Date.parse(dueAt!) }])
  const message = (await queue.poll({ channel: 'c', wait: '10s' }))!
  expect(message).toMatchObject({ id, body: 'x', key: 'ü"1', headers: { a: 'b', 'dropr-due-at': dueAt } })
  expect(await queue.schedule.sendNow(held.id)).toMatchObject({ done: true, state: 'fired' })
  expect(await queue.poll({ channel: 'c', wait: '10s' })).toMatchObject({ id: held.id, key: 'k2', body: 'z' })
})

test('CLOCK-10: with the times of all files set to 1970 what is held, sent and polled is the same', async () => {
  const first = await queueAt()
  const far = await first.sendMessage('far', { delay: '30d', channel: 'c' })
  const gone = await first.sendMessage('gone', { delay: '20d', channel: 'c' })
  const past = await first.sendMessage('past', { deliverAt: '2014-08-01T13:30:00Z', channel: 'c' })
  const now = await first.sendMessage('now', { channel: 'c' })
  expect(await first.schedule.cancel(gone.id)).toMatchObject({ done: true })
  const old = async () => {
    for (const { name, parentPath } of await readdir(folder, { recursive: true, withFileTypes: true }))
      await utimes(join(parentPath, name), 0, 0)
  }
  await old()
  await first.close()
  await old()
  const queue = await queueAt()
  expect((await queue.schedule.list()).messages.map(({ id }) => id)).toEqual([past.id, far.id])
  expect(await queue.schedule.cancel(gone.id)).toMatchObject({ done: false })
  expect(await queue.schedule.tick()).toMatchObject([{ id: past.id }])
  await old()
  const messages = [...(await queue.poll({ channel: 'c', max: 2, wait: '10s' }))]
  for (const message of messages) await message.ack()
  if (messages.length < 2) messages.push(...(await queue.poll({ channel: 'c', max: 1, wait: '10s' })))
  expect(messages.map(({ id }) => id).sort()).toEqual([past.id, now.id].sort())
  expect(await queue.schedule.show(far.id)).toMatchObject({ state: 'scheduled' })
})
