import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Poker } from '../../src/queue/poke.ts'
import { acquireLock, type Lock } from '../../src/system/lock.ts'
import { nodeSystem } from '../../src/system/node-system.ts'
import { SimWorld } from '../../src/system/sim/index.ts'
import type { Line } from '../../src/system/sockets.ts'

const system = nodeSystem()
const hint = { peer: 'tokyo', channel: 'orders/eu', priority: 4, path: '/s/x.seg', end: 10 }
let run = ''
let poker: Poker

beforeEach(async () => {
  run = await mkdtemp(join(tmpdir(), 'dropr-poke-'))
  poker = new Poker({ system, run, node: 'berlin', here: () => undefined })
})

afterEach(async () => {
  poker.close()
  await rm(run, { recursive: true })
})

async function holder(name: string, heard: unknown[]): Promise<Lock> {
  const connected = (line: { onMessage: (text: string) => void }) => {
    line.onMessage = text => void heard.push(JSON.parse(text))
  }
  return acquireLock(system, { folder: run, name, about: null, connected })
}

test('the client hears of messages for peers, the owner of those for this node', async () => {
  const client: unknown[] = []
  const owner: unknown[] = []
  const locks = [await holder('client', client), await holder('owner', owner)]
  poker.poke(hint)
  poker.poke(hint)
  poker.poke({ ...hint, peer: 'berlin' })
  await vi.waitFor(() => expect([client.length, owner.length]).toEqual([1, 1]))
  expect(client[0]).toEqual({ op: 'poke', ...hint })
  expect(owner[0]).toMatchObject({ peer: 'berlin' })
  poker.poke(hint)
  await vi.waitFor(() => expect(client.length).toBe(2))
  for (const lock of locks) await lock.release()
})

test('with nobody there a poke costs nothing, and one that starts later is found', async () => {
  poker.poke(hint)
  const heard: unknown[] = []
  const lock = await holder('client', heard)
  await vi.waitFor(
    () => {
      poker.poke(hint)
      expect(heard.length).toBeGreaterThan(0)
    },
    { timeout: 10_000 }
  )
  await lock.release()
})

test('a client that was restarted is found again', async () => {
  const first: unknown[] = []
  const lock = await holder('client', first)
  poker.poke(hint)
  await vi.waitFor(() => expect(first.length).toBe(1))
  await lock.release()
  const second: unknown[] = []
  const next = await holder('client', second)
  await vi.waitFor(
    () => {
      poker.poke(hint)
      expect(second.length).toBeGreaterThan(0)
    },
    { timeout: 10_000 }
  )
  await next.release()
})

test('a client that says that a peer rests hears nothing of it for as long, a second at most, and of others as before', async () => {
  const world = new SimWorld({ seed: 'quiet' })
  const { clock } = world
  const node = world.node('berlin')
  const daemon = node.process('client')
  await clock.until(daemon.files.makeFolder('/run'))
  const heard: string[] = []
  let answer = ''
  const connected = (line: Line) => {
    line.onMessage = text => {
      heard.push((JSON.parse(text) as { peer: string }).peer)
      if (answer !== '') line.send(answer)
    }
  }
  const lock = await clock.until(acquireLock(daemon, { folder: '/run', name: 'client', about: null, connected }))
  const app = new Poker({ system: node.process('app'), run: '/run', node: 'berlin', here: () => undefined })
  /** What is heard of one hint for each of two peers. */
  const told = async () => {
    heard.length = 0
    for (const peer of ['tokyo', 'oslo']) app.poke({ ...hint, peer })
    await clock.advance(50)
    return heard.join(' ')
  }
  await told()
  for (const junk of ['{', 'null', '3', '{}', '{"quiet":{"peer":"tokyo"}}', '{"quiet":{"peer":"tokyo","ms":-1}}']) {
    answer = junk
    expect(await told(), junk).toBe('tokyo oslo')
  }
  answer = '{"quiet":{"peer":"tokyo","ms":300}}'
  expect(await told()).toBe('tokyo oslo')
  answer = ''
  for (let ms = 50; ms < 300; ms += 50) expect(await told(), `after ${ms} ms`).toBe('oslo')
  await clock.advance(50)
  expect(await told()).toBe('tokyo oslo')
  answer = '{"quiet":{"peer":"tokyo","ms":1e9}}'
  await told()
  answer = ''
  await clock.advance(900)
  expect(await told()).toBe('oslo')
  await clock.advance(50)
  expect(await told()).toBe('tokyo oslo')
  // Whoever comes next has not asked for it.
  answer = '{"quiet":{"peer":"tokyo","ms":1000}}'
  await told()
  answer = ''
  await clock.until(lock.release())
  const next = node.process('next')
  await clock.until(acquireLock(next, { folder: '/run', name: 'client', about: null, connected }))
  await clock.advance(100)
  for (let i = 0; i < 25; i++) if ((await told()) !== '') break
  expect(await told()).toBe('tokyo oslo')
  app.close()
})

test('a poke after close does nothing', () => {
  poker.close()
  poker.poke(hint)
})
