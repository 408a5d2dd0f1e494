import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { freePort } from '../../bench/up.ts'
import { openQueue, startNode } from '../../src/index.ts'
import { CliWorld } from '../cli/run-cli.ts'
import { SimNodes, SPOOL } from './sim-nodes.ts'
import { stagesOf } from './stages.ts'

const LIMITS = { retryMsMin: 20, retryMsMax: 1_000, scanMs: 1_000 }

test('B5: a damaged message and a strange file do not stop the other 99, and doctor lists both', async () => {
  const world = new CliWorld()
  try {
    const queue = await openQueue({ spool: world.spool })
    for (let i = 0; i < 100; i++) await queue.sendMessage(`message ${i}`, { channel: 'c' })
    await queue.close()
    const outbox = path.join(world.spool, 'outbox', queue.node, 'c', '4')
    const [segment] = readdirSync(outbox)
    const file = path.join(outbox, segment!)
    const bytes = readFileSync(file)
    const at = bytes.indexOf('message 50')
    bytes[at] = bytes[at]! ^ 1
    writeFileSync(file, bytes)
    writeFileSync(path.join(outbox, 'junk'), 'nobody made this')
    const reader = await openQueue({ spool: world.spool })
    const got: unknown[] = []
    for (;;) {
      const messages = await reader.poll({ channel: 'c', max: 100, wait: '2s' })
      await Promise.all(messages.map(message => message.ack()))
      got.push(...messages.map(({ body }) => body))
      if (got.length >= 99 || messages.length === 0) break
    }
    await reader.close()
    expect(got).toEqual(Array.from({ length: 100 }, (_, i) => `message ${i}`).filter((_, i) => i !== 50))
    const found = (await world.run(['doctor', '--json'])).stdout.toString().split('\n').filter(Boolean)
    const kinds = found.map(line => JSON.parse(line)).map(({ kind, path: where }) => `${kind} ${path.basename(where)}`)
    expect(kinds).toContain('stray junk')
    expect(kinds.some(kind => kind.startsWith('set-aside'))).toBe(true)
  } finally {
    await world.end()
  }
})

test('F13: ls tells how many messages are in which state, and of which priority, as they were put there', async () => {
  const world = new CliWorld()
  try {
    const queue = await openQueue({ spool: world.spool })
    const send = (count: number, priority: number) =>
      queue.sendMessages(
        Array.from({ length: count }, () => 'x'),
        { channel: 'c', priority }
      )
    // Of the highest: one is done, one rejected, one held.
    await send(4, 9)
    const messages = await queue.poll({ channel: 'c', max: 3, wait: '5s' })
    await messages[0]!.ack()
    await messages[1]!.reject('no')
    await send(3, 4)
    await send(2, 0)
    const seeded = ['0 pending 2', '4 pending 3', '9 dead 1', '9 done 1', '9 leased 1', '9 pending 1']
    const rows = async () => {
      const printed = (await world.run(['ls', '--entries', '--json'])).stdout.toString().trim().split('\n')
      const counts = new Map<string, number>()
      for (const { room, priority, state } of printed.map(line => JSON.parse(line)))
        if (room === 'inbox') counts.set(`${priority} ${state}`, (counts.get(`${priority} ${state}`) ?? 0) + 1)
      return [...counts].map(([key, count]) => `${key} ${count}`).toSorted()
    }
    await expect.poll(rows).toEqual(seeded)
    const inbox = (await world.run(['ls', '--json'])).stdout
      .toString()
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    expect(inbox.find(({ room }) => room === 'inbox')).toMatchObject({
      channel: 'c',
      states: { pending: 6, leased: 1, done: 1, dead: 1 }
    })
    await queue.close()
  } finally {
    await world.end()
  }
})

test('C17: a message whose time is over while its peer is down is counted, and never delivered late', async () => {
  const nodes = new SimNodes({ seed: 1, names: ['berlin', 'tokyo'], limits: LIMITS })
  nodes.down.add('tokyo')
  const client = await nodes.client('berlin')
  await nodes.server('tokyo')
  const queue = await nodes.queue('berlin')
  const short = await nodes.until(queue.sendMessage('short', { to: 'tokyo', ttl: '1s' }))
  await nodes.until(queue.sendMessage('long', { to: 'tokyo', ttl: '1h' }))
  await nodes.clock.advance(1_500)
  expect(await nodes.until(queue.status(short.id))).toMatchObject({ state: 'expired' })
  const { clock, files, watch, sockets, random, log } = nodes.machine('berlin').process('reader')
  const stages = await nodes.until(stagesOf({ clock, files, watch, sockets, random, log }, SPOOL))
  expect([...stages.values()].flat().toSorted()).toEqual(['outbox expired', 'outbox pending'])
  nodes.down.delete('tokyo')
  await nodes.clock.advance(5_000)
  expect((await nodes.take(await nodes.queue('tokyo'))).map(({ body }) => body)).toEqual(['long'])
  expect(client.status().peers[0]).toMatchObject({ acked: 2, inFlight: 0 })
  expect(nodes.uploads.some(({ request }) => request.skip?.reason === 'expired')).toBe(true)
})

test('E10: five looks at what waits leave depth, leases and deliveries as they are', async () => {
  const nodes = new SimNodes({ seed: 2, names: ['berlin'], limits: LIMITS })
  const owner = await nodes.server('berlin')
  const queue = await nodes.queue('berlin')
  await nodes.until(queue.sendMessages(['a', 'b', 'c']))
  await nodes.clock.advance(2_000)
  const held = (await nodes.until(queue.poll()))!
  const before = owner.depths()
  for (let i = 0; i < 5; i++)
    expect((await nodes.until(queue.peek({ max: 10 }))).map(({ body, deliveries }) => [body, deliveries])).toEqual([
      ['b', 0],
      ['c', 0]
    ])
  expect(owner.depths()).toEqual(before)
  expect(before).toMatchObject([{ pending: 2, leased: 1 }])
  await nodes.until(held.ack())
})

test('E13: 1,000 channels come by use, are listed with their exact names, and one purge empties them all', async () => {
  const nodes = new SimNodes({ seed: 3, names: ['berlin'], limits: LIMITS })
  const owner = await nodes.server('berlin')
  const queue = await nodes.queue('berlin')
  const names = Array.from({ length: 1_000 }, (_, i) => (i % 3 === 0 ? `größe/${i}?` : `C ${i}.%`))
  await nodes.until(Promise.all(names.map(channel => queue.sendMessage('x', { channel }))))
  await nodes.clock.advance(3_000)
  expect(
    owner
      .depths()
      .map(({ channel }) => channel)
      .sort()
  ).toEqual([...names].sort())
  await nodes.clock.advance(1)
  expect(await nodes.until(queue.purge({ all: true }))).toMatchObject({ moved: 1_000, left: {} })
  expect(owner.depth()).toBe(0)
})

test('E11: with the receiving node stopped for 30 s under load senders notice nothing; started again it gets all, in order, once', async () => {
  const nodes = new SimNodes({ seed: 4, names: ['berlin', 'tokyo'], limits: LIMITS })
  let owner = await nodes.server('tokyo')
  let consumer = await nodes.queue('tokyo')
  await nodes.client('berlin')
  const sender = await nodes.queue('berlin')
  const got: unknown[] = []
  const sent: number[] = []
  let longestMs = 0
  const send = async (ms: number) => {
    for (const end = nodes.clock.ticks() + ms; nodes.clock.ticks() < end; await nodes.clock.advance(50)) {
      const began = nodes.clock.ticks()
      await nodes.until(sender.sendMessage(sent.length, { to: 'tokyo' }))
      longestMs = Math.max(longestMs, nodes.clock.ticks() - began)
      sent.push(sent.length)
    }
  }
  const take = async () => {
    for (const { body, deliveries } of await nodes.take(consumer, 'common', 500)) got.push([body, deliveries])
  }
  await send(2_000)
  await take()
  expect(got.length).toBeGreaterThan(20)
  // With messages in its inbox that nobody has taken.
  await send(1_000)
  await nodes.until(consumer.close())
  await nodes.until(owner.close())
  nodes.down.add('tokyo')
  await send(30_000)
  owner = await nodes.server('tokyo')
  nodes.down.delete('tokyo')
  consumer = await nodes.queue('tokyo', 'again')
  await send(2_000)
  await nodes.clock.advance(LIMITS.retryMsMax)
  await take()
  expect(sent.length).toBeGreaterThan(600)
  expect(got).toEqual(sent.map(n => [n, 1]))
  expect(longestMs).toBeLessThan(20)
})

test('E12: a spool that was copied while it stood goes on at its new place, which its peers are told: what waited arrives, what was taken is known', async () => {
  const world = new CliWorld()
  const ports = [await freePort(), await freePort(), await freePort()] as const
  const there = path.join(world.folder, 'moved')
  const limits = { retryMsMin: 20, scanMs: 200 }
  const at = (port: number) => `http://127.0.0.1:${port}`
  const berlinConfig = (listen: number) => ({ listen, peers: { tokyo: at(ports[0]) }, limits })
  const tokyoConfig = (berlin: number) => ({ listen: ports[0], peers: { berlin: at(berlin) }, limits })
  const roles = ['server', 'client'] as const
  const upTokyo = (berlin: number) =>
    startNode({
      spool: path.join(world.folder, 'tokyo'),
      node: 'tokyo',
      config: tokyoConfig(berlin),
      roles: [...roles]
    })
  let tokyo = await upTokyo(ports[1])
  const berlin = await startNode({
    spool: world.spool,
    node: 'berlin',
    config: berlinConfig(ports[1]),
    roles: [...roles]
  })
  await tokyo.queue.sendMessage('order', { to: 'berlin', id: 'order-1' })
  const order = (await berlin.queue.poll({ wait: '10s' }))!
  await order.ack()
  await berlin.queue.sendMessage('here', { id: 'mine-1' })
  await (await berlin.queue.poll({ wait: '10s' }))!.ack()
  await berlin.close()
  // While it stands: for both ways.
  await tokyo.queue.sendMessage('meanwhile', { to: 'berlin' })
  await tokyo.close({ within: 0 })
  const down = await openQueue({ spool: world.spool, config: berlinConfig(ports[1]) })
  await down.sendMessages(['one', 'two'], { to: 'tokyo' })
  await down.close()
  cpSync(world.spool, there, { recursive: true, filter: file => !file.endsWith('.sock') })
  const moved = await startNode({ spool: there, config: berlinConfig(ports[2]), roles: [...roles] })
  tokyo = await upTokyo(ports[2])
  try {
    const got: unknown[] = []
    while (got.length < 2) {
      const message = await tokyo.queue.poll({ wait: '10s' })
      got.push(message!.body)
      await message!.ack()
    }
    expect(got).toEqual(['one', 'two'])
    // What it knew of its peer and of itself has moved along.
    await tokyo.queue.sendMessage('order again', { to: 'berlin', id: 'order-1' })
    await tokyo.queue.sendMessage('new', { to: 'berlin' })
    await moved.queue.sendMessage('here again', { id: 'mine-1' })
    const bodies: unknown[] = []
    while (!bodies.includes('new')) {
      const message = (await moved.queue.poll({ wait: '10s' }))!
      bodies.push(message.body)
      await message.ack()
    }
    expect(bodies).toEqual(['meanwhile', 'new'])
    expect(await moved.queue.poll({ wait: 500 })).toBeUndefined()
  } finally {
    await moved.close({ within: '1s' })
    await tokyo.close({ within: '1s' })
    await world.end()
  }
})
