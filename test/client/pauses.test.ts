import { expect, test } from 'vitest'
import { pausedPeers, pausePeer, resumePeer } from '../../src/spool/paused-peers.ts'
import { findHolder } from '../../src/system/lock.ts'
import { ids, setup } from './client-bed.ts'

type Bed = ReturnType<typeof setup>

async function tell({ clock, machine }: Bed, ask: object): Promise<string> {
  const holder = await clock.until(findHolder(machine.process('cli'), { folder: '/spool/run', name: 'client' }))
  const { line } = holder!
  return clock.until(
    new Promise<string>(resolve => {
      line.onMessage = resolve
      line.send(JSON.stringify(ask))
    })
  )
}

test('C13: a paused peer gets nothing, over restarts and kicks, and the others all of theirs; resumed it gets everything', async () => {
  const bed = setup({ peers: ['tokyo', 'paris'], limits: { scanMs: 60_000 } })
  const { clock, startClient, startApp, arrived, machine, spoolOf } = bed
  let client = await startClient()
  const app = await startApp('app', true)
  const spool = await spoolOf(machine.process('cli'))
  const at = await clock.until(pausePeer(spool, 'tokyo'))
  expect(await tell(bed, { op: 'paused' })).toBe('{"paused":["tokyo"]}')
  await app.send(10)
  await app.send(5, { peer: 'paris' })
  await clock.advance(10_000)
  expect(arrived('tokyo')).toEqual([])
  expect(arrived('paris')).toHaveLength(5)
  expect(client.status().peers).toMatchObject([{ name: 'tokyo', pausedAt: at, acked: 0 }, { name: 'paris' }])
  // Nobody is to worry about what is meant to wait.
  expect(client.status().progress.pending).toBe(0)
  expect(await tell(bed, { op: 'kick' })).toBe('{"kick":["paris"]}')

  await clock.until(client.close({ withinMs: 1_000 }))
  client = await startClient('again')
  await clock.advance(10_000)
  expect(arrived('tokyo')).toEqual([])
  // Once more keeps the first time.
  expect(await clock.until(pausePeer(spool, 'tokyo'))).toBe(at)

  expect(await clock.until(resumePeer(spool, 'tokyo'))).toBe(true)
  expect(await clock.until(resumePeer(spool, 'tokyo'))).toBe(false)
  await tell(bed, { op: 'paused' })
  await clock.advance(50)
  expect(arrived('tokyo')).toEqual(ids('app', 0, 10))
  await clock.until(client.close({ withinMs: 1_000 }))
})

test('that a peer is paused survives a power cut once the pause has resolved, and is found without a word within scanMs', async () => {
  const bed = setup({ limits: { scanMs: 2_000 } })
  const { clock, startClient, startApp, arrived, machine, spoolOf } = bed
  const spool = await spoolOf(machine.process('cli'))
  await clock.until(pausePeer(spool, 'tokyo'))
  machine.disk.crash({ data: 'lose', names: 'lose' })
  const files = machine.process('looker').files
  expect([...(await clock.until(pausedPeers(files, '/spool'))).keys()]).toEqual(['tokyo'])
  const client = await startClient()
  const app = await startApp('app', true)
  await app.send(3)
  await clock.advance(5_000)
  expect(arrived()).toEqual([])
  await clock.until(resumePeer(await spoolOf(machine.process('cli2')), 'tokyo'))
  await clock.advance(2_100)
  expect(arrived()).toEqual(ids('app', 0, 3))
  await clock.until(client.close({ withinMs: 1_000 }))
})

test('C14: a client that restarts while its peers are down tries each with no more uploads at once than configured, and backs off again', async () => {
  const peers = ['tokyo', 'paris', 'oslo']
  const limits = { uploadsPerPeerMax: 2, retryMsMin: 1_000, retryMsMax: 60_000, scanMs: 1_000 }
  const { clock, startClient, startApp, down, uploads } = setup({ peers, limits, uploadMs: 300 })
  for (const peer of peers) down.add(peer)
  const app = await startApp('app', true)
  for (const peer of peers) {
    for (let i = 0; i < 12; i++) await app.send(2, { peer, channel: `c${i}` })
  }
  for (let life = 0; life < 4; life++) {
    uploads.count = 0
    const client = await startClient(`client-${life}`)
    await clock.advance(30_000)
    expect(client.status().peers.map(({ state }) => state)).toEqual(['dead', 'dead', 'dead'])
    // Until a peer is known to be dead two at once, then one by one at 2 s, 4 s, 8 s, … with jitter.
    expect(uploads.count).toBeLessThanOrEqual(peers.length * 14)
    await clock.until(client.close({ withinMs: 1_000 }))
  }
  expect(uploads.atOnceMax).toBe(2)
})

test('a resume that failed at its last step, said again, holds after a power cut', async () => {
  const { clock, machine, spoolOf } = setup({ peers: ['tokyo'] })
  const spool = await spoolOf(machine.process('cli'))
  await clock.until(pausePeer(spool, 'tokyo'))
  machine.disk.failNext({ call: 'syncFolder', code: 'EIO', path: path => path.endsWith('/paused') })
  await expect(clock.until(resumePeer(spool, 'tokyo'))).rejects.toMatchObject({ code: 'DISK_ERROR' })
  expect(await clock.until(resumePeer(spool, 'tokyo'))).toBe(false)
  machine.powerCut({ data: 'lose', names: 'lose' })
  const { files } = machine.process('later')
  expect(await clock.until(pausedPeers(files, spool.path))).toEqual(new Map())
})
