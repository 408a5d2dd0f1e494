import { expect, test } from 'vitest'
import type { Queue } from '../../src/index.ts'
import { SimRandom } from '../../src/system/sim/index.ts'
import { SimNodes } from './sim-nodes.ts'

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

async function sendAll(nodes: SimNodes, queue: Queue, numbers: readonly number[], to: string): Promise<void> {
  await nodes.until(Promise.all(numbers.map(n => queue.sendMessage(n, { to }))))
}

test('C10: a peer that is down for 60 s gets what was sent meanwhile once it is up, each message once', async () => {
  const nodes = new SimNodes({ seed: 10, names: ['berlin', 'tokyo'] })
  await nodes.server('tokyo')
  nodes.down.add('tokyo')
  await nodes.client('berlin')
  const queue = await nodes.queue('berlin')
  for (let second = 0; second < 60; second++) {
    await sendAll(nodes, queue, range(second * 5, second * 5 + 5), 'tokyo')
    await nodes.clock.advance(1_000)
  }
  const tries = nodes.uploads.length
  expect(tries, 'it was tried, and not all the time').toBeGreaterThan(4)
  expect(tries).toBeLessThan(30)
  nodes.down.clear()
  await nodes.clock.advance(nodes.limits.retryMsMax + 5_000)
  const got = await nodes.take(await nodes.queue('tokyo'))
  expect(got.map(message => message.body)).toEqual(range(0, 300))
  expect(got.every(message => message.deliveries === 1)).toBe(true)
})

/** Sends 300 messages, one every 40 ms, and gives the 99th percentile of the time until each lies at its peer. */
async function latencyP99(blackHole: boolean): Promise<number> {
  const nodes = new SimNodes({ seed: 11, names: ['berlin', 'tokyo', 'paris'] })
  const owner = await nodes.server('tokyo')
  await nodes.server('paris')
  // Accepts and never answers.
  nodes.wire = peer => (peer === 'paris' && blackHole ? { loseRequest: true } : { delayMs: 5 })
  await nodes.client('berlin')
  const queue = await nodes.queue('berlin')
  const took: number[] = []
  for (const n of range(0, 300)) {
    await nodes.until(queue.sendMessage(n, { to: 'paris' }))
    const before = nodes.clock.ticks()
    await nodes.until(queue.sendMessage(n, { to: 'tokyo' }))
    while (owner.depth() <= n) await nodes.clock.advance(0.25)
    took.push(nodes.clock.ticks() - before)
    await nodes.clock.advance(40)
  }
  return took.sort((a, b) => a - b)[297]!
}

test('C11: a peer that accepts and never answers changes the 99th percentile of another by less than 20 %', async () => {
  const [alone, beside] = [await latencyP99(false), await latencyP99(true)]
  expect(beside).toBeLessThan(alone * 1.2)
})

test('C18: three peers that take 1 s an upload have one message each in under 1.5 s', async () => {
  const peers = ['tokyo', 'paris', 'lima']
  const nodes = new SimNodes({ seed: 18, names: ['berlin', ...peers] })
  const owners = []
  for (const peer of peers) owners.push(await nodes.server(peer))
  nodes.wire = () => ({ delayMs: 1_000 })
  await nodes.client('berlin')
  const queue = await nodes.queue('berlin')
  const before = nodes.clock.ticks()
  for (const to of peers) await nodes.until(queue.sendMessage('x', { to }))
  while (owners.some(owner => owner.depth() === 0)) await nodes.clock.advance(10)
  expect(nodes.clock.ticks() - before).toBeLessThan(1_500)
})

test('C20: 10,000 small messages go in as few requests as rangeBytesMax allows, whatever it is', async () => {
  for (const rangeBytesMax of [1_048_576, 65_536]) {
    const nodes = new SimNodes({ seed: 20, names: ['berlin', 'tokyo'], limits: { rangeBytesMax } })
    const owner = await nodes.server('tokyo')
    const queue = await nodes.queue('berlin')
    await sendAll(nodes, queue, range(0, 10_000), 'tokyo')
    await nodes.client('berlin')
    while (owner.depth() < 10_000) await nodes.clock.advance(10)
    const bytes = nodes.uploads.reduce((sum, { request }) => sum + request.entries.length, 0)
    const fewest = Math.ceil(bytes / rangeBytesMax)
    // One small entry may be left over in each.
    expect(nodes.uploads.length).toBeLessThanOrEqual(Math.ceil(fewest * 1.05) + 1)
    expect(Math.max(...nodes.uploads.map(({ request }) => request.entries.length))).toBeLessThanOrEqual(rangeBytesMax)
  }
})

test('C21: over a link that breaks in the middle of every larger upload all messages come, each once, in finite tries', async () => {
  const nodes = new SimNodes({ seed: 21, names: ['berlin', 'tokyo'], limits: { retryMsMax: 2_000 } })
  const owner = await nodes.server('tokyo')
  const queue = await nodes.queue('berlin')
  const bodies = range(0, 200).map(n => `${n} ${'x'.repeat(2_000)}`)
  await nodes.until(Promise.all(bodies.map(body => queue.sendMessage(body, { to: 'tokyo' }))))
  // The link takes 10 kB at a time, then it breaks and no answer comes.
  nodes.wire = (_, request) => (request.entries.length > 10_000 ? { cutAt: 10_000 } : {})
  await nodes.client('berlin')
  const deadline = nodes.clock.ticks() + 600_000
  while (owner.depth() < 200 && nodes.clock.ticks() < deadline) await nodes.clock.advance(100)
  expect(nodes.uploads.length).toBeLessThan(200)
  const got = await nodes.take(await nodes.queue('tokyo'))
  expect(got.map(message => message.body)).toEqual(bodies)
})

test('C23: with 8 uploads at once and random delays each channel and priority arrives in the order of sending', async () => {
  const nodes = new SimNodes({
    seed: 23,
    names: ['berlin', 'tokyo'],
    limits: { rangeBytesMax: 1_024, rangesPerStreamMax: 8, uploadsPerPeerMax: 8 }
  })
  await nodes.server('tokyo')
  const random = new SimRandom(23)
  nodes.wire = () => ({ delayMs: random.next() * 80, answerDelayMs: random.next() * 80 })
  await nodes.client('berlin')
  const queue = await nodes.queue('berlin')
  for (const n of range(0, 600)) {
    const sent = queue.sendMessage(n, { to: 'tokyo', channel: `c${n % 2}`, priority: n % 3 })
    if (n % 10 === 0) await nodes.until(sent)
  }
  await nodes.clock.advance(60_000)
  const tokyo = await nodes.queue('tokyo')
  for (const [i, channel] of ['c0', 'c1'].entries()) {
    const got = await nodes.take(tokyo, channel)
    for (const priority of [0, 1, 2]) {
      const bodies = got.filter(message => message.priority === priority).map(message => message.body)
      expect(bodies).toEqual(range(0, 600).filter(n => n % 2 === i && n % 3 === priority))
    }
  }
})
