import { expect, test } from 'vitest'
import { decodeMessage } from '../../src/journal/entry.ts'
import { readDead } from '../../src/spool/room-dead.ts'
import { findHolder } from '../../src/system/lock.ts'
import { ids, setup } from './client-bed.ts'

test('messages over several segments, channels and writers arrive once and in order, and the segments are marked done', async () => {
  const { clock, startClient, startApp, arrived, stores } = setup({ watch: true })
  const client = await startClient()
  const [one, two] = [await startApp('one', true), await startApp('two')]
  for (let i = 0; i < 20; i++) {
    await one.send(50)
    await two.send(20, { channel: `orders/${i % 3}`, priority: i % 10 })
  }
  await one.close()
  await two.close()
  await clock.advance(6_000)
  expect(arrived().filter(id => id.startsWith('one'))).toEqual(ids('one', 0, 1_000))
  expect(
    arrived()
      .filter(id => id.startsWith('two'))
      .sort()
  ).toEqual(ids('two', 0, 400).sort())
  expect(stores.get('tokyo')!.streams.size).toBeGreaterThan(13)
  expect(client.status().peers).toMatchObject([{ name: 'tokyo', state: 'ok', acked: 1_400, streams: 0, inFlight: 0 }])
  await clock.until(client.close({ withinMs: 1_000 }))
})

test('C8: a poke alone brings a message at once, file events alone soon, the scan alone within scanMs', async () => {
  for (const way of ['poke', 'events', 'scan'] as const) {
    const { clock, startClient, startApp, arrived, limits } = setup({
      watch: way === 'events',
      limits: { scanMs: way === 'scan' ? 2_000 : 60_000 }
    })
    const client = await startClient()
    await clock.advance(100)
    const app = await startApp('app', way === 'poke')
    for (let i = 0; i < 3; i++) {
      const before = clock.ticks()
      await app.send(1)
      while (arrived().length <= i) await clock.advance(1)
      const took = clock.ticks() - before
      expect(took, way).toBeLessThan({ poke: 30, events: 40, scan: limits.scanMs + 30 }[way])
      await clock.advance(5_000)
    }
    await clock.until(client.close({ withinMs: 1_000 }))
  }
})

test('a second client on the spool is refused with the pid of the first', async () => {
  const { clock, startClient } = setup()
  const client = await startClient()
  await expect(startClient('other')).rejects.toMatchObject({
    code: 'DAEMON_RUNNING',
    message: expect.stringContaining(`pid ${process.pid}`)
  })
  await clock.until(client.close({ withinMs: 1_000 }))
  const next = await startClient('third')
  await clock.until(next.close({ withinMs: 1_000 }))
})

test('what a peer refuses for good is a dead letter with the reason, the others arrive, and a restart does not repeat it', async () => {
  const { clock, startClient, startApp, arrived } = setup()
  const app = await startApp('app')
  await app.send(10)
  await app.send(1, {}, 5_000)
  await app.send(10)
  let client = await startClient()
  await clock.advance(5_000)
  const good = [...ids('app', 0, 10), ...ids('app', 11, 21)]
  expect(arrived().filter(id => id.startsWith('app'))).toEqual(good)
  expect(client.status().peers).toMatchObject([{ refused: 1, acked: 21 }])
  await clock.until(client.close({ withinMs: 1_000 }))
  client = await startClient('again')
  await app.send(1)
  await clock.advance(5_000)
  expect(client.status().peers).toMatchObject([{ refused: 0, acked: 1 }])
  await clock.until(client.close({ withinMs: 1_000 }))
  const dead = await clock.until(readDead(app.spool, 'common'))
  expect(dead).toHaveLength(1)
  expect(dead[0]!.note).toMatchObject({
    code: 'MESSAGE_TOO_LARGE',
    by: 'berlin',
    reason: expect.stringContaining('tokyo')
  })
  expect(decodeMessage(dead[0]!.entry, 0)).toMatchObject({ id: 'app-10', body: Buffer.alloc(5_000) })
})

test('a client killed at any moment goes on after a restart: everything once, in order', async () => {
  const { clock, machine, startClient, startApp, arrived, world } = setup({ watch: true })
  const app = await startApp('app')
  for (let i = 0; i < 25; i++) {
    const name = `client ${i}`
    await startClient(name)
    await app.send(100)
    await clock.advance(world.random.between(0, 12))
    machine.process(name).kill()
  }
  const last = await startClient('last')
  await clock.advance(5_000)
  expect(arrived()).toEqual(ids('app', 0, 2_500))
  await clock.until(last.close({ withinMs: 1_000 }))
})

test('a dead peer holds up no other, and one that is not configured is shown, not sent to and not lost', async () => {
  const { clock, startClient, startApp, arrived, down, statusOnDisk } = setup({ peers: ['tokyo', 'paris'] })
  down.add('paris')
  const client = await startClient()
  const app = await startApp('app', true)
  await app.send(5, { peer: 'paris' })
  await app.send(5, { peer: 'rome' })
  for (let i = 0; i < 10; i++) {
    await app.send(5, { peer: 'tokyo' })
    await clock.advance(3_000)
  }
  expect(arrived('tokyo')).toHaveLength(50)
  const status = await statusOnDisk()
  expect(status).toMatchObject({ node: 'berlin', unknownPeers: ['rome'] })
  expect(status.peers.find(({ name }) => name === 'paris')).toMatchObject({
    state: 'dead',
    acked: 0,
    lastError: { code: 'PEER_UNREACHABLE' }
  })
  down.clear()
  await clock.advance(6_000)
  expect(arrived('paris')).toHaveLength(5)
  await clock.until(client.close({ withinMs: 1_000 }))
})

test('the status file is written at most once a second, and not at all when nothing changes', async () => {
  const { clock, machine, startClient, startApp } = setup()
  let writes = 0
  const process = machine.process('client')
  const replace = process.files.replace.bind(process.files)
  Object.assign(process.files, {
    replace: (path: string, data: string) => {
      if (path.endsWith('/client.json')) writes++
      return replace(path, data)
    }
  })
  const client = await startClient()
  const app = await startApp('app', true)
  await clock.advance(3_000)
  const before = writes
  await clock.advance(60_000)
  expect(writes).toBe(before)
  for (let i = 0; i < 100; i++) {
    await app.send(1)
    await clock.advance(30)
  }
  expect(writes - before).toBeLessThanOrEqual(6)
  expect(writes - before).toBeGreaterThanOrEqual(3)
  await clock.until(client.close({ withinMs: 1_000 }))
})

test('a kick over the socket tries a dead peer at once', async () => {
  const { clock, machine, startClient, startApp, arrived, down } = setup({ limits: { retryMsMax: 3_600_000 } })
  down.add('tokyo')
  const client = await startClient()
  const app = await startApp('app')
  await app.send(1)
  await clock.advance(3_600_000)
  down.clear()
  await clock.advance(5_000)
  expect(arrived()).toEqual([])
  const holder = await clock.until(findHolder(machine.process('cli'), { folder: '/spool/run', name: 'client' }))
  holder!.line.send('{"op":"kick","peer":"tokyo"}')
  await clock.advance(50)
  expect(arrived()).toEqual(['app-0'])
  await clock.until(client.close({ withinMs: 1_000 }))
})

test('finished segments go after their retention, and what they held is not sent again', async () => {
  const { clock, startClient, startApp, arrived, machine } = setup({ limits: { retentionMs: 0 } })
  const client = await startClient()
  const app = await startApp('app', true)
  await app.send(1_000)
  await app.close()
  await clock.advance(130_000)
  const files = await clock.until(machine.process('looker').files.list('/spool/outbox/tokyo/common/4'))
  expect(files).toEqual([])
  await clock.until(client.close({ withinMs: 1_000 }))
  const again = await startClient('again')
  await clock.advance(10_000)
  expect(arrived()).toEqual(ids('app', 0, 1_000))
  await clock.until(again.close({ withinMs: 1_000 }))
})
