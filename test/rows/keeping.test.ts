import { expect, test } from 'vitest'
import type { Queue } from '../../src/index.ts'
import { SimNodes, SPOOL } from './sim-nodes.ts'
import { stagesOf } from './stages.ts'
import { STORES } from './stores.ts'

const NAMES = ['berlin', 'tokyo'] as const
const MINUTE = 60_000

/** How many messages are in which stage on a machine. */
async function stages(nodes: SimNodes, name: string): Promise<Record<string, number>> {
  const { clock, files, watch, sockets, random, log } = nodes.machine(name).process('reader')
  const found = await nodes.until(stagesOf({ clock, files, watch, sockets, random, log }, SPOOL))
  const counts: Record<string, number> = {}
  for (const [stage] of found.values()) counts[stage!] = (counts[stage!] ?? 0) + 1
  return counts
}

/** An application that sends, and goes. */
async function send(nodes: SimNodes, ids: readonly string[]): Promise<void> {
  const queue = await nodes.queue('berlin', `sender ${ids[0]}`)
  for (const id of ids) await nodes.until(queue.sendMessage(id, { id, to: 'tokyo' }))
  await nodes.until(queue.close())
}

async function takeFive(nodes: SimNodes, queue: Queue): Promise<string[]> {
  const messages = await nodes.until(queue.poll({ max: 5, wait: 10_000 }))
  await nodes.until(Promise.all(messages.map(message => message.ack())))
  return messages.map(({ id }) => id)
}

test('F2 F6 F7: what was sent and processed goes when it is older than retentionMs, by itself or by clean at once; what waits stays, and what is gone is still known', async () => {
  const nodes = new SimNodes({ seed: 27, names: NAMES, limits: { retentionMs: 5.5 * MINUTE, retryMsMin: 10 } })
  await nodes.client('berlin')
  let owner = await nodes.server('tokyo')
  const five = (name: string) => Array.from({ length: 5 }, (_, i) => `${name} ${i}`)
  const restart = async () => {
    await nodes.until(owner.close())
    owner = await nodes.server('tokyo')
  }
  let queue = await nodes.queue('tokyo')
  // Files go whole: a new life of who writes them begins new ones.
  await send(nodes, five('old'))
  expect(await takeFive(nodes, queue)).toEqual(five('old'))
  await restart()
  await nodes.clock.advance(4 * MINUTE)
  await send(nodes, five('new'))
  expect(await takeFive(nodes, queue)).toEqual(five('new'))
  await send(nodes, ['waits'])
  while (owner.depth() === 0) await nodes.clock.advance(100)
  expect(await stages(nodes, 'berlin')).toEqual({ 'outbox acked': 11 })
  expect(await stages(nodes, 'tokyo')).toEqual({ 'inbox done': 10, 'inbox pending': 1 })
  // Six minutes after the old ones, two after the new.
  await nodes.clock.advance(2 * MINUTE + 1_000)
  expect(await stages(nodes, 'berlin')).toEqual({ 'outbox acked': 6 })
  expect(await stages(nodes, 'tokyo')).toEqual({ 'inbox done': 5, 'inbox pending': 1 })
  // Removed, and remembered.
  await send(nodes, five('old'))
  await nodes.clock.advance(5_000)
  expect(owner.depth()).toBe(1)
  await restart()
  // The next sweep is half a minute away.
  await nodes.clock.advance(5.5 * MINUTE + 1_000)
  expect(await stages(nodes, 'tokyo')).toEqual({ 'inbox done': 5, 'inbox pending': 1 })
  queue = await nodes.queue('tokyo', 'operator')
  const cleaned = await nodes.until(queue.clean())
  expect(cleaned.segments).toBe(1)
  expect(await stages(nodes, 'tokyo')).toEqual({ 'inbox pending': 1 })
  expect((await nodes.take(queue)).map(({ id }) => id)).toEqual(['waits'])
})

test.each(STORES)(
  'D13: with channelDepthMax 100 a peer has 100 messages waiting there and no more; as many as are done follow, and all come in order (%s)',
  async store => {
    const nodes = new SimNodes({
      seed: 13,
      names: NAMES,
      store,
      limits: { channelDepthMax: 100, retryMsMin: 50, retryMsMax: 1_000 }
    })
    const owner = await nodes.server('tokyo')
    const client = await nodes.client('berlin')
    const sender = await nodes.queue('berlin')
    const bodies = Array.from({ length: 250 }, (_, i) => i)
    for (const body of bodies) await nodes.until(sender.sendMessage(body, { to: 'tokyo' }))
    const queue = await nodes.queue('tokyo')
    const got: unknown[] = []
    for (const waiting of [100, 100, 100, 100, 50]) {
      const before = nodes.uploads.length
      await nodes.clock.advance(10_000)
      expect(owner.depth()).toBe(Math.min(waiting, 250 - got.length))
      const [refused] = client.status().peers.flatMap(({ troubled }) => troubled)
      expect(refused?.lastError.code).toBe(250 - got.length > 100 ? 'SERVER_BUSY' : undefined)
      // It is told when to come again, and keeps to it.
      expect(nodes.uploads.length - before).toBeLessThan(30)
      const messages = await nodes.until(queue.poll({ max: 50 }))
      await nodes.until(Promise.all(messages.map(message => message.ack())))
      got.push(...messages.map(({ body }) => body))
    }
    expect(got).toEqual(bodies)
  }
)
