import { expect, test } from 'vitest'
import { SimNodes } from '../rows/sim-nodes.ts'
import { failure, fakeQueue } from './fake-queue.ts'

test('a peek gives what the next poll would, as what it was, and takes nothing', async () => {
  const { queue, inbox, clock } = fakeQueue()
  inbox.put('c', 'a', { kind: 'json', body: '{"n":1}', headers: { h: 'v' } }, { kind: 'bytes', body: Buffer.from([1]) })
  inbox.put('c', { body: 'old', expiresAt: clock.now() })
  const peeked = await queue.peek({ channel: 'c', max: 10 })
  expect(peeked.map(({ kind, body, deliveries, attempt }) => [kind, body, deliveries, attempt])).toEqual([
    ['text', 'a', 0, 1],
    ['json', { n: 1 }, 0, 1],
    ['bytes', Buffer.from([1]), 0, 1]
  ])
  expect(inbox.in('ready')).toEqual([0, 1, 2, 3])
  expect(await queue.peek({ channel: 'c' })).toHaveLength(1)
  expect(await queue.peek()).toEqual([])
})

test('bytes may be said to be text or JSON, and are sent as they are', async () => {
  const { queue, outbox } = fakeQueue()
  const body = Buffer.from('{"n": 1.50}')
  await queue.sendMessage(body, { kind: 'json' })
  await queue.sendMessage(body, { kind: 'text' })
  expect(outbox.sent.map(({ draft }) => [draft.kind, Buffer.from(draft.body as Uint8Array).toString()])).toEqual([
    ['json', '{"n": 1.50}'],
    ['text', '{"n": 1.50}']
  ])
})

test('bytes that are not what they are said to be are refused', async () => {
  const { queue, outbox } = fakeQueue()
  expect((await failure(queue.sendMessage(Buffer.from([255]), { kind: 'text' }))).message).toMatch('UTF-8')
  expect((await failure(queue.sendMessage(Buffer.from('{'), { kind: 'json' }))).code).toBe('BODY_NOT_JSON')
  expect((await failure(queue.sendMessage('x', { kind: 'text' }))).message).toMatch('kind is said of bytes')
  expect((await failure(queue.sendMessage(Buffer.from('x'), { kind: 'xml' as 'text' }))).message).toMatch(
    'kind must be'
  )
  expect((await failure(queue.peek({ maxx: 1 } as object))).message).toMatch('did you mean max?')
  expect(outbox.sent).toEqual([])
})

test('a process that does not own the inbox peeks through the one that does', async () => {
  const nodes = new SimNodes({ seed: 5, names: ['berlin'] })
  const owner = await nodes.queue('berlin', 'one')
  const other = await nodes.queue('berlin', 'two')
  await nodes.until(owner.sendMessage('x', { channel: 'c' }))
  await nodes.until(owner.poll({ channel: 'nothing', wait: '1s' }))
  expect(await nodes.until(other.peek({ channel: 'c' }))).toMatchObject([{ body: 'x', from: 'berlin', deliveries: 0 }])
  expect(await nodes.until(other.poll({ channel: 'c' }))).toMatchObject({ body: 'x', deliveries: 1 })
  await nodes.until(Promise.all([owner.close(), other.close()]))
})
