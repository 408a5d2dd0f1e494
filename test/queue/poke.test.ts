import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Poker } from '../../src/queue/poke.ts'
import { acquireLock, type Lock } from '../../src/system/lock.ts'
import { nodeSystem } from '../../src/system/node-system.ts'

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

test('a poke after close does nothing', () => {
  poker.close()
  poker.poke(hint)
})
