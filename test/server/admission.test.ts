import { expect, test } from 'vitest'
import { readDead } from '../../src/spool/room-dead.ts'
import { Spool } from '../../src/spool/spool.ts'
import { SimNodes, SPOOL } from '../rows/sim-nodes.ts'

const NAMES = ['berlin', 'paris', 'tokyo']

async function pair(seed: number, limits: SimNodes['limits'] | object = {}) {
  const nodes = new SimNodes({ seed, names: NAMES, limits: { retryMsMax: 2_000, rangeBytesMax: 4_096, ...limits } })
  const tokyo = await nodes.server('tokyo')
  await nodes.client('berlin')
  return { nodes, tokyo, berlin: await nodes.queue('berlin'), app: await nodes.queue('tokyo') }
}

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `m${from + i}`)
const bodies = (messages: readonly { body: unknown }[]) => messages.map(({ body }) => body)

async function deadAt(nodes: SimNodes, name: string, channel: string) {
  const system = nodes.machine(name).process('reader')
  const spool = await nodes.until(Spool.open({ system, path: SPOOL, limits: nodes.limits }))
  return await nodes.until(readDead(spool, channel))
}

test('SEC-10: what a peer sends to a channel it is not allowed goes to its dead letters with the reason, the rest arrives; also over restarts', async () => {
  const { nodes, berlin, app } = await pair(1)
  nodes.rights = (_at, peer) => (peer === 'berlin' ? ['orders/*'] : undefined)
  await nodes.until(berlin.sendMessages(numbers(0, 50), { to: 'tokyo', channel: 'salaries' }))
  await nodes.until(berlin.sendMessages(numbers(0, 3), { to: 'tokyo', channel: 'orders/eu' }))
  await nodes.clock.advance(10_000)
  expect(bodies(await nodes.take(app, 'orders/eu'))).toEqual(numbers(0, 3))
  expect(await nodes.take(app, 'salaries')).toEqual([])
  const dead = await deadAt(nodes, 'berlin', 'salaries')
  expect(dead).toHaveLength(50)
  expect(dead[7]!.note).toMatchObject({
    code: 'CHANNEL_FORBIDDEN',
    reason: 'tokyo refused it: berlin may not send to channel "salaries"'
  })
  // Both ends die; what was refused stays so, once, and what is allowed from now on arrives.
  nodes.machine('tokyo').powerCut()
  nodes.machine('berlin').process('client').kill()
  await nodes.server('tokyo')
  await nodes.client('berlin')
  nodes.rights = () => ['salaries']
  await nodes.until(berlin.sendMessages(numbers(50, 53), { to: 'tokyo', channel: 'salaries' }))
  await nodes.clock.advance(20_000)
  expect(bodies(await nodes.take(await nodes.queue('tokyo'), 'salaries'))).toEqual(numbers(50, 53))
  expect(await deadAt(nodes, 'berlin', 'salaries')).toHaveLength(50)
})

test('D13: with room for 100 in a channel the 101st waits at its sender, other channels go on, and after 50 are done 50 more come', async () => {
  const { nodes, berlin, app, tokyo } = await pair(2, { channelDepthMax: 100 })
  await nodes.until(berlin.sendMessages(numbers(0, 170), { to: 'tokyo', channel: 'full' }))
  await nodes.until(berlin.sendMessages(numbers(0, 30), { to: 'tokyo', channel: 'free' }))
  await nodes.clock.advance(20_000)
  const depth = () => Object.fromEntries(tokyo.depths().map(({ channel, pending }) => [channel, pending]))
  expect(depth()).toEqual({ full: 100, free: 30 })
  const some = await nodes.until(app.poll({ channel: 'full', max: 50 }))
  await nodes.until(Promise.all(some.map(message => message.ack())))
  await nodes.clock.advance(20_000)
  expect(depth()['full']).toBe(100)
  const rest = await nodes.take(app, 'full', 10_000)
  expect(bodies([...some, ...rest])).toEqual(numbers(0, 170))
})

test.each([
  ['messages', { peerMessagesMax: 100 }],
  ['bytes', { peerBytesMax: 30_000 }]
] as const)(
  'SEC-22: a peer with as many %s waiting as it may have waits, in all channels; others do not',
  async (_what, limits) => {
    const { nodes, tokyo, berlin, app } = await pair(3, limits)
    await nodes.client('paris')
    const paris = await nodes.queue('paris')
    const body = (text: string) => text.padEnd(250)
    for (const channel of ['a', 'b'])
      await nodes.until(berlin.sendMessages(numbers(0, 90).map(body), { to: 'tokyo', channel }))
    await nodes.until(paris.sendMessages(numbers(0, 20).map(body), { to: 'tokyo', channel: 'a' }))
    await nodes.clock.advance(20_000)
    const share = tokyo.inbox.shareOf('berlin')
    expect(share.messages).toBeGreaterThan(80)
    // What was on its way when that was reached comes in.
    expect(share.messages).toBeLessThanOrEqual(160)
    expect(share.bytes / share.messages).toBeGreaterThan(250)
    expect(tokyo.inbox.shareOf('paris').messages).toBe(20)
    // The same after a restart: it is counted from the disk.
    nodes.machine('tokyo').process('server').kill()
    const again = await nodes.server('tokyo')
    expect(again.inbox.shareOf('berlin')).toMatchObject({ messages: share.messages })
    expect(Math.abs(again.inbox.shareOf('berlin').bytes - share.bytes)).toBeLessThan(share.bytes / 10)
    const a = await nodes.take(app, 'a', 10_000)
    const b = await nodes.take(app, 'b', 10_000)
    expect(a).toHaveLength(110)
    expect(b).toHaveLength(90)
    const left = again.inbox.shareOf('berlin')
    expect([left.messages, Math.round(left.bytes)]).toEqual([0, 0])
  }
)

test('SEC-22: a peer brings about no more channels than it may, and those it has go on', async () => {
  const { nodes, berlin, app, tokyo } = await pair(4, { peerChannelsMax: 3 })
  for (const channel of ['a', 'b', 'c', 'd', 'e']) await nodes.until(berlin.sendMessage('1', { to: 'tokyo', channel }))
  await nodes.clock.advance(10_000)
  const there = () => tokyo.depths().map(({ channel }) => channel)
  expect(there()).toHaveLength(3)
  for (const channel of there()) await nodes.until(berlin.sendMessage('2', { to: 'tokyo', channel }))
  await nodes.clock.advance(20_000)
  expect(there()).toHaveLength(3)
  for (const channel of there()) expect(bodies(await nodes.take(app, channel))).toEqual(['1', '2'])
})
