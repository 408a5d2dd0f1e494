import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { backlogOf } from '../../src/client/backlog-watch.ts'
import type { ClientStatus, PeerBacklog } from '../../src/client/client-status.ts'
import type { Log } from '../../src/system/log.ts'
import { SimNodes } from '../rows/sim-nodes.ts'

const at = { now: 100_000, limits: { backlogMsMax: 50_000, backlogBytesMax: 1_000 } }

test('what waits is an alarm by its age first, else by its bytes, else none', () => {
  const channel = { channel: 'a', depth: 1, bytes: 10, oldestAt: 90_000 }
  expect(backlogOf([], at)).toMatchObject({ depth: 0, alarm: undefined })
  expect(backlogOf([channel], at).alarm).toBe(undefined)
  expect(backlogOf([channel, { ...channel, bytes: 991 }], at).alarm).toBe('bytes')
  expect(backlogOf([channel, { ...channel, oldestAt: 49_000 }], at)).toMatchObject({ alarm: 'age', oldestAt: 49_000 })
})

/** One sender whose peer is down, on simulated machines. */
async function berlin(limits: Record<string, number> = {}) {
  const nodes = new SimNodes({ seed: 3, names: ['berlin', 'tokyo'], limits: { scanMs: 2_000, ...limits } })
  const warned: unknown[] = []
  const hear = (log: Log) => {
    log.warn = fields => void (fields.code === 'BACKLOG' && warned.push(fields))
  }
  const app = await nodes.queue('berlin')
  const client = await nodes.client('berlin')
  hear(nodes.machine('berlin').process('client').log)
  const backlog = () => (client.status() as ClientStatus).peers[0]!.backlog as PeerBacklog
  const wait = (ms: number) => nodes.until(nodes.clock.sleep(ms))
  const send = async (count: number, channel: string) => {
    await nodes.until(
      app.sendMessages(
        Array.from({ length: count }, (_, i) => i),
        { to: 'tokyo', channel }
      )
    )
  }
  return { nodes, app, client, backlog, wait, send, warned }
}

test('F10: what waits for a dead peer is counted by channel though nobody reads it, and the oldest of it is 90 s old after 90 s', async () => {
  const { nodes, backlog, wait, send } = await berlin()
  nodes.down.add('tokyo')
  await send(3, 'old')
  await wait(90_000)
  await send(5_000, 'new')
  await wait(4_000)
  const { depth, channels } = backlog()
  expect(depth).toBe(5_003)
  expect(channels.map(({ channel, depth }) => [channel, depth])).toEqual([
    ['old', 3],
    ['new', 5_000]
  ])
  const age = (nodes.clock.now() - channels[0]!.oldestAt) / 1_000
  expect(age).toBeGreaterThan(92)
  expect(age).toBeLessThan(96)
})

test('F10: large bodies that wait for a dead peer count with their bytes', async () => {
  const { nodes, backlog, wait, app } = await berlin({ messageBytesMax: 1_024 })
  nodes.down.add('tokyo')
  await nodes.until(app.sendMessage(Readable.from([Buffer.alloc(50_000)]), { to: 'tokyo', channel: 'films' }))
  await wait(10_000)
  expect(backlog().channels).toMatchObject([{ channel: 'films', depth: 1 }])
  expect(backlog().channels[0]!.bytes).toBeGreaterThan(50_000)
  expect(backlog().channels[0]!.bytes).toBeLessThan(51_000)
})

test('F10: of a stream that is half with the peer, the age is that of the first message that is not', async () => {
  const { nodes, backlog, wait, send } = await berlin()
  await nodes.server('tokyo')
  await send(10, 'c')
  await wait(60_000)
  expect(backlog().depth).toBe(0)
  nodes.down.add('tokyo')
  await send(7, 'c')
  await wait(90_000)
  expect(backlog().depth).toBe(7)
  const age = (nodes.clock.now() - backlog().oldestAt!) / 1_000
  expect(age).toBeGreaterThan(88)
  expect(age).toBeLessThan(92)
})

test('NET-9: a peer that is down too long raises one alarm in log and status, and its return ends it', async () => {
  const { nodes, backlog, wait, send, warned } = await berlin({ backlogMsMax: 60_000, retryMsMax: 5_000 })
  nodes.down.add('tokyo')
  await send(1, 'c')
  await wait(50_000)
  expect([backlog().alarm, warned.length]).toEqual([undefined, 0])
  await wait(20_000)
  expect(backlog().alarm).toBe('age')
  await wait(60_000)
  expect(warned).toMatchObject([{ code: 'BACKLOG', peer: 'tokyo', alarm: 'age', depth: 1 }])
  nodes.down.delete('tokyo')
  await nodes.server('tokyo')
  await wait(10_000)
  expect(backlog()).toMatchObject({ depth: 0, alarm: undefined })
})

test('NET-9: more bytes than backlogBytesMax raise the alarm at once', async () => {
  const { nodes, backlog, wait, send } = await berlin({ backlogBytesMax: 10_000 })
  nodes.down.add('tokyo')
  await send(10, 'c')
  await wait(4_000)
  expect(backlog().alarm).toBe(undefined)
  await send(1_000, 'c')
  await wait(4_000)
  expect(backlog()).toMatchObject({ depth: 1_010, alarm: 'bytes' })
})

test('G5: a peer whose URL changes gets what waits at the new one, and what is on its way is not lost', async () => {
  const nodes = new SimNodes({ seed: 4, names: ['berlin', 'tokyo'] })
  await nodes.server('tokyo')
  const app = await nodes.queue('berlin')
  const client = await nodes.client('berlin')
  const urls: string[] = []
  const upload = nodes.transport.upload.bind(nodes.transport)
  nodes.transport.upload = (to, request, signal) => {
    urls.push(`${to.url} ${to.token ?? ''}`)
    return upload(to, request, signal)
  }
  const send = (from: number) =>
    nodes.until(
      app.sendMessages(
        Array.from({ length: 100 }, (_, i) => from + i),
        { to: 'tokyo' }
      )
    )
  await send(0)
  const reloading = client.reload({
    peers: new Map([['tokyo', { name: 'tokyo', url: 'http://new.example', token: 't' }]])
  })
  await nodes.until(reloading)
  await send(100)
  await nodes.until(nodes.clock.sleep(5_000))
  expect(urls.at(-1)).toBe('http://new.example t')
  const there = await nodes.queue('tokyo')
  expect((await nodes.take(there)).map(({ body }) => body)).toEqual(Array.from({ length: 200 }, (_, i) => i))
})

test('G5: a peer that leaves the configuration keeps what waits for it, and gets it when it comes back', async () => {
  const nodes = new SimNodes({ seed: 5, names: ['berlin', 'tokyo'] })
  nodes.down.add('tokyo')
  await nodes.server('tokyo')
  const app = await nodes.queue('berlin')
  const client = await nodes.client('berlin')
  await nodes.until(app.sendMessage('kept', { to: 'tokyo' }))
  await nodes.until(nodes.clock.sleep(3_000))
  await nodes.until(client.reload({ peers: new Map() }))
  nodes.down.clear()
  await nodes.until(nodes.clock.sleep(10_000))
  expect(client.status()).toMatchObject({ peers: [], unknownPeers: ['tokyo'] })
  await nodes.until(client.reload({ peers: new Map([['tokyo', { name: 'tokyo', url: 'http://tokyo.example' }]]) }))
  await nodes.until(nodes.clock.sleep(3_000))
  expect((await nodes.take(await nodes.queue('tokyo'))).map(({ body }) => body)).toEqual(['kept'])
})
