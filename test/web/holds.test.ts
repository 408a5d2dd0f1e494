import { expect, test } from 'vitest'
import { SimRandom } from '../../src/system/sim/index.ts'
import { Holds } from '../../src/web/holds.ts'
import { giveVerdict } from '../../src/web/verdict.ts'
import { failure, fakeQueue } from '../queue/fake-queue.ts'

function desk() {
  const below = fakeQueue()
  return { ...below, holds: new Holds({ clock: below.clock, random: new SimRandom(3) }) }
}

test('what is held keeps no body, and can still be acknowledged', async () => {
  const { queue, inbox, holds } = desk()
  inbox.put('c', 'x'.repeat(1_000), 'y')
  const messages = await queue.poll({ channel: 'c', max: 2 })
  const ids = messages.map(message => message.id)
  const hold = holds.add(messages)
  expect(messages.map(message => message.id)).toEqual(ids)
  expect(() => messages[0]!.text()).toThrow()
  await giveVerdict(holds, { lease: hold.lease, position: 1, verdict: 'ack' }, {})
  expect([inbox.in('done'), inbox.in('leased')]).toEqual([[1], [0]])
})

test('tokens are 128 random bits, and each is its own', async () => {
  const { queue, inbox, holds } = desk()
  inbox.put('c', ...Array.from({ length: 100 }, () => 'x'))
  const tokens = new Set<string>()
  for (let i = 0; i < 100; i++) tokens.add(holds.add([(await queue.poll({ channel: 'c' }))!]).lease)
  expect(tokens.size).toBe(100)
  for (const token of tokens) expect(Buffer.from(token, 'base64url')).toHaveLength(16)
})

test('leases that nobody gave a verdict on are forgotten when they are over, and settled ones after many more', async () => {
  const { queue, inbox, holds, clock } = desk()
  const take = async () => {
    inbox.put('c', 'x')
    return holds.add([(await queue.poll({ channel: 'c', lease: '1s' }))!])
  }
  const first = await take()
  await clock.advance(62_000)
  // The first, whose lease is over in the model too, is handed out again: that one is held now.
  for (let i = 0; i < 999; i++) await take()
  expect(() => holds.find(first.lease)).toThrow('no such lease')
  expect(holds.size).toBe(999)
})

test('the same verdict told twice is answered twice, and told to the owner once', async () => {
  const { queue, inbox, holds } = desk()
  inbox.put('c', 'x')
  const { lease } = holds.add([(await queue.poll({ channel: 'c' }))!])
  const ack = () => giveVerdict(holds, { lease, position: 0, verdict: 'ack' }, {})
  await ack()
  await ack()
  expect(inbox.told).toHaveLength(1)
  expect((await failure(holds.extend(lease, undefined))).code).toBe('LEASE_LOST')
})

test('a verdict that the disk refused can be told again', async () => {
  const { queue, inbox, holds } = desk()
  inbox.put('c', 'x')
  const { lease } = holds.add([(await queue.poll({ channel: 'c' }))!])
  inbox.failing.settle = new Error('disk')
  const ack = () => giveVerdict(holds, { lease, position: 0, verdict: 'ack' }, {})
  expect(await failure(ack())).toBeDefined()
  await ack()
  expect(inbox.in('done')).toEqual([0])
})
