import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Node, type NodeOptions, startNode } from '../../src/index.ts'
import { failure } from './fake-queue.ts'

let folder = ''
const open: Node[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dropr-node-'))
})

afterEach(async () => {
  for (const node of open.splice(0)) await node.close({ within: '1s' })
  await rm(folder, { recursive: true })
})

async function nodeAt(name: string, options: NodeOptions = {}): Promise<Node> {
  const config = { listen: 0, ...options.config } as NonNullable<NodeOptions['config']>
  const node = await startNode({ spool: join(folder, name), node: name, ...options, config })
  open.push(node)
  return node
}

test('a message sent on one node is polled on another, both in this process', async () => {
  const tokyo = await nodeAt('tokyo')
  const berlin = await nodeAt('berlin', { config: { peers: { tokyo: `http://${tokyo.listen}` } } })
  const { id } = await berlin.queue.sendMessage({ n: 1 }, { to: 'tokyo', channel: 'orders', headers: { a: 'b' } })
  const message = (await tokyo.queue.poll({ channel: 'orders', wait: '20s' }))!
  expect(message).toMatchObject({ id, body: { n: 1 }, from: 'berlin', headers: { a: 'b' } })
  await message.ack()
})

test('20,000 messages cross in order, each once, while both directions are busy', async () => {
  const tokyo = await nodeAt('tokyo')
  const berlin = await nodeAt('berlin', { config: { peers: { tokyo: `http://${tokyo.listen}` } } })
  const seen: number[] = []
  const consumer = tokyo.queue.consume('c', message => void seen.push(Number(message.body)))
  const local: number[] = []
  const own = berlin.queue.consume('c', message => void local.push(Number(message.body)))
  for (let from = 0; from < 20_000; from += 500) {
    const bodies = Array.from({ length: 500 }, (_, i) => from + i)
    await Promise.all(bodies.map(body => berlin.queue.sendMessage(body, { to: 'tokyo', channel: 'c' })))
    await berlin.queue.sendMessage(from, { channel: 'c' })
  }
  await expect.poll(() => [seen.length, local.length], { timeout: 25_000 }).toEqual([20_000, 40])
  await Promise.all([consumer.stop(), own.stop()])
  expect(seen).toEqual(Array.from({ length: 20_000 }, (_, i) => i))
})

test('H1 H23: a message for later crosses when it is due, not before, from a node with levels and shards of its own; beyond what a timer can wait for it stays held', async () => {
  const tokyo = await nodeAt('tokyo')
  const schedule = { levels: { hour: '1h', quarter: '15m', minute: '1m', tensecond: '10s' }, shards: 3 }
  const berlin = await nodeAt('berlin', { config: { peers: { tokyo: `http://${tokyo.listen}` }, schedule } })
  const at = Date.now() + 1_500
  const sent = await Promise.all(
    [0, 1, 2, 3, 4, 5].map(n => berlin.queue.sendMessage(n, { to: 'tokyo', deliverAt: at }))
  )
  const both = await berlin.queue.sendMessage('both', { to: ['tokyo', 'berlin'], delay: '1s' })
  // Real timers of more than 24.8 days go off at once.
  await berlin.queue.sendMessage('60 days', { to: 'tokyo', delay: '60d' })
  await berlin.queue.sendMessage('2040', { to: 'tokyo', deliverAt: '2040-01-01T00:00Z' })
  const ids = new Set<string>()
  while (ids.size < 7) {
    const message = (await tokyo.queue.poll({ wait: '20s' }))!
    if (message.body !== 'both') expect(Date.now()).toBeGreaterThanOrEqual(at)
    ids.add(message.id)
    await message.ack()
  }
  expect([...ids].sort()).toEqual([...sent.map(({ id }) => id), both.id].sort())
  expect((await berlin.queue.poll({ wait: '10s' }))?.id).toBe(both.id)
  expect(berlin.status().scheduler?.shards.length).toBe(3)
  expect(await tokyo.queue.poll({ wait: 300 })).toBeUndefined()
  expect((await berlin.queue.schedule.list()).messages.length).toBe(2)
})

test('J1: a scheduler alone hands over, a client alone delivers, and scheduling goes on without either', async () => {
  const tokyo = await nodeAt('tokyo')
  const config = { peers: { tokyo: `http://${tokyo.listen}` } }
  const alone = await nodeAt('berlin', { config, roles: ['scheduler'] })
  await alone.queue.sendMessage('soon', { to: 'tokyo', delay: 50 })
  await expect.poll(() => alone.status().scheduler?.shards[0]?.fired, { timeout: 20_000 }).toBe(1)
  expect(await tokyo.queue.poll()).toBeUndefined()
  await alone.close()
  const client = await nodeAt('berlin', { config, roles: ['client'] })
  expect((await tokyo.queue.poll({ wait: '20s' }))?.body).toBe('soon')
  await client.queue.sendMessage('held', { to: 'tokyo', delay: 50 })
  expect(await tokyo.queue.poll({ wait: 300 })).toBeUndefined()
  await client.close()
  await nodeAt('berlin', { config, roles: ['scheduler', 'client'] })
  expect((await tokyo.queue.poll({ wait: '20s' }))?.body).toBe('held')
})

test('a second set of roles on the same spool is refused, and the first goes on', async () => {
  const node = await nodeAt('berlin')
  expect((await failure(nodeAt('berlin'))).code).toBe('DAEMON_RUNNING')
  await node.queue.sendMessage('x')
  expect((await node.queue.poll({ wait: '10s' }))?.body).toBe('x')
})

test('roles that do not exist are TypeErrors', async () => {
  expect((await failure(startNode({ roles: ['postman'] } as unknown as NodeOptions))).message).toMatch(/postman/)
})
