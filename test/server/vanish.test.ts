import { expect, test } from 'vitest'
import { encodeChannel } from '../../src/names.ts'
import { openQueue } from '../../src/queue/open-queue.ts'
import { SimNodes, SPOOL } from '../rows/sim-nodes.ts'
import { CHANNEL, dieAtEveryCall, filesIn, LIMITS, sendAgain, sent, unheard } from './removal-bed.ts'

const MINUTE = 60_000
const vanishing = { ...LIMITS, retentionMs: MINUTE, emptyMsMax: MINUTE }

test('E13: channels vanish when they are empty if so configured: no folder, not listed, and a later message makes them again', async () => {
  const limits = { ...LIMITS, retentionMs: 10_000, emptyMsMax: 30_000 }
  const nodes = new SimNodes({ seed: 30, names: ['berlin'], limits })
  const owner = await nodes.server('berlin')
  const queue = await nodes.queue('berlin')
  const names = Array.from({ length: 100 }, (_, i) => `größe/${i}?`)
  await nodes.until(Promise.all(names.map(channel => queue.sendMessage('x', { channel }))))
  await nodes.clock.advance(1_000)
  expect(owner.depths()).toHaveLength(100)
  for (const channel of names.slice(1))
    await nodes.until((await nodes.until(queue.poll({ channel })))!.ack({ made: channel }))
  await nodes.clock.advance(180_000)
  const folders = async () => (await nodes.until(nodes.machine('berlin').disk.list('/spool/inbox'))).map(it => it.name)
  expect(owner.depths().map(({ channel }) => channel)).toEqual([names[0]])
  expect(await folders()).toEqual([encodeChannel(names[0]!)])
  await nodes.until(queue.sendMessage('y', { channel: names[7]! }))
  expect(await nodes.until(queue.poll({ channel: names[7]!, wait: '5s' }))).toMatchObject({ body: 'y' })
  expect(await folders()).toHaveLength(2)
})

test('a channel vanishes only once nothing is in it, nothing is kept, nobody paused it and none of it is dead', async () => {
  const nodes = new SimNodes({ seed: 5, names: ['berlin'], limits: { ...vanishing, retentionMs: 3 * MINUTE } })
  const owner = await nodes.server('berlin')
  const queue = await nodes.queue('berlin')
  const names = ['held', 'leased', 'later', 'paused', 'dead', 'kept', 'gone']
  for (const channel of names) await nodes.until(queue.sendMessage('x', { channel, id: channel }))
  await nodes.clock.advance(1_000)
  await nodes.until(queue.hold('held'))
  const leased = (await nodes.until(queue.poll({ channel: 'leased', lease: '1h' })))!
  await nodes.until((await nodes.until(queue.poll({ channel: 'later' })))!.release({ after: '1h' }))
  await nodes.until((await nodes.until(queue.poll({ channel: 'dead' })))!.reject('no use'))
  for (const channel of ['paused', 'gone']) expect(await nodes.take(queue, channel, 0)).toHaveLength(1)
  await nodes.until(queue.pause('paused'))
  await nodes.clock.advance(3 * MINUTE)
  expect(await nodes.take(queue, 'kept', 0)).toHaveLength(1)
  await nodes.clock.advance(2 * MINUTE)
  const there = names.filter(name => name !== 'gone')
  expect((await filesIn(nodes, 'berlin', 'inbox')).toSorted()).toEqual(there.toSorted())
  expect(
    owner
      .depths()
      .map(({ channel }) => channel)
      .toSorted()
  ).toEqual(there.toSorted())
  await nodes.until(leased.ack())
  await nodes.until(queue.resume('paused'))
  await nodes.until(queue.unhold('held'))
  expect(await nodes.take(queue, 'held', 0)).toHaveLength(1)
  await nodes.until(queue.dead.remove({ all: true }))
  expect(await nodes.until(queue.removeChannel('dead'))).toMatchObject({ left: {} })
  await nodes.clock.advance(5 * MINUTE)
  expect(await filesIn(nodes, 'berlin', 'inbox')).toEqual(['later'])
})

test('a channel that may vanish by its own policy does, its neighbour stays, and whoever waits there gets what comes later', async () => {
  const nodes = new SimNodes({ seed: 6, names: ['berlin'] })
  const system = nodes.machine('berlin').process('app')
  const config = { limits: { retentionMs: 0 }, channels: { [CHANNEL]: { emptyMsMax: 1_000 } } }
  const queue = await nodes.until(openQueue({ system, spool: SPOOL, node: 'berlin', config }))
  for (const channel of [CHANNEL, 'stays']) {
    await nodes.until(queue.sendMessage('a', { channel }))
    expect(await nodes.take(queue, channel)).toHaveLength(1)
  }
  const waiting = queue.poll({ channel: CHANNEL, wait: '10m' })
  await nodes.clock.advance(3 * MINUTE)
  expect(await filesIn(nodes, 'berlin', 'inbox')).toEqual(['stays'])
  await nodes.until(queue.sendMessage('b', { channel: CHANNEL }))
  expect(await nodes.until(waiting)).toMatchObject({ body: 'b' })
})

test('what senders send again to a channel that vanished does not enter twice, over a power cut', async () => {
  const { nodes, tokyo } = await unheard(7, vanishing)
  await nodes.clock.advance(3 * MINUTE)
  expect(await filesIn(nodes, 'tokyo', 'inbox')).not.toContain(CHANNEL)
  expect(await filesIn(nodes, 'tokyo', 'removed')).toEqual([`${CHANNEL}.json`])
  expect(await nodes.until(tokyo.poll({ channel: CHANNEL }))).toBeUndefined()
  // Nobody came: what is remembered is not written again.
  await nodes.clock.advance(3 * MINUTE)
  nodes.machine('tokyo').powerCut({ data: 'lose', names: 'lose' })
  await nodes.server('tokyo', 'server2')
  await sendAgain({ nodes })
  const queue = await nodes.queue('tokyo', 'app3')
  expect((await nodes.take(queue, CHANNEL)).map(({ body }) => body)).toEqual(['new'])
  await nodes.clock.advance(3 * MINUTE)
  expect(await filesIn(nodes, 'tokyo', 'inbox')).not.toContain(CHANNEL)
  await nodes.until(queue.sendMessage('again', sent('again')))
  expect((await nodes.take(queue, CHANNEL)).map(({ body }) => body)).toEqual(['again'])
})

test.each([[false], [true]])(
  'dead between any two calls of the disk while a channel vanishes (power cut: %s): the channel or none, and nothing lost or twice',
  async power => {
    // The server looks once a minute: the second time the channel is old enough.
    const remove = { limits: { retentionMs: MINUTE, emptyMsMax: MINUTE }, restMs: 1.8 * MINUTE, takesMs: 30_000 }
    await dieAtEveryCall(power, remove)
  },
  120_000
)
