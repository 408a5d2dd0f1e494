import { expect, test } from 'vitest'
import { setup } from './client-bed.ts'

const DEAD = Array.from({ length: 20 }, (_, n) => `dead-${n}`)

test('NET-9: a dead peer costs a fifth of the looks of one that lives, a hint shows what is new for it, and back it gets all', async () => {
  const bed = setup({ peers: ['tokyo', ...DEAD], limits: { scanMs: 2_000, retryMsMax: 60_000 } })
  const { clock, machine, down, startClient, startApp, arrived } = bed
  for (const name of DEAD) down.add(name)
  const looks = new Map<string, number>()
  const { files } = machine.process('client')
  const list = files.list.bind(files)
  files.list = path => {
    const peer = /^\/spool\/outbox\/([^/]+)$/.exec(path)?.[1]
    if (peer !== undefined) looks.set(peer, (looks.get(peer) ?? 0) + 1)
    return list(path)
  }
  const client = await startClient()
  const app = await startApp('app', true)
  for (const peer of ['tokyo', ...DEAD]) await app.send(1, { peer })
  // Three failures, and it counts as dead.
  await clock.advance(20_000)
  looks.clear()
  await clock.advance(100_000)
  const living = looks.get('tokyo')!
  expect(living).toBeGreaterThanOrEqual(49)
  for (const name of DEAD) expect(looks.get(name)).toBeLessThanOrEqual(living / 4)
  const depthOf = (name: string) => client.status().peers.find(peer => peer.name === name)?.backlog?.depth
  expect(depthOf('dead-3')).toBe(1)
  await app.send(5, { peer: 'dead-3' })
  await clock.advance(4_000)
  expect(depthOf('dead-3')).toBe(6)

  // Without a word, as when nobody can poke: found by the timed look alone.
  const mute = await startApp('mute')
  await mute.send(2, { peer: 'dead-4' })
  await clock.advance(14_000)
  expect(depthOf('dead-4')).toBe(3)
  for (const name of DEAD) down.delete(name)
  await clock.advance(70_000)
  for (const name of DEAD) expect(arrived(name)).toHaveLength({ 'dead-3': 6, 'dead-4': 3 }[name] ?? 1)
  await clock.until(client.close({ withinMs: 1_000 }))
})
