import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import type { Message, Queue } from '../../src/index.ts'
import { readDead } from '../../src/spool/room-dead.ts'
import { Spool } from '../../src/spool/spool.ts'
import { SimNodes } from '../rows/sim-nodes.ts'

/**
 * A whole spool as version 1 left it, power cut and all: path -> bytes in hex. Once a version is released its file never
 * changes. Until then `DROPR_GOLDEN=write` makes it anew.
 */
const GOLDEN = path.resolve(import.meta.dirname, '../format/spool-v1.json')

const FILES_BYTES_MAX = 1_000_000

async function filesBelow(sim: SimNodes, folder: string): Promise<Record<string, string>> {
  const { disk } = sim.machine('berlin')
  const found: Record<string, string> = {}
  for (const { name, kind } of (await sim.until(disk.list(folder))).toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const below = `${folder}/${name}`
    if (kind === 'folder') Object.assign(found, await filesBelow(sim, below))
    else if (kind === 'file' && !below.includes('/run/')) found[below] = disk.peek(below)!.toString('hex')
  }
  return found
}

async function pollAll(sim: SimNodes, queue: Queue, channel: string): Promise<Message[]> {
  return (await sim.until(queue.poll({ channel, max: 100, wait: 5_000 }))) as Message[]
}

/** Everything that a spool can hold, by this version. */
async function written(): Promise<Record<string, string>> {
  const sim = new SimNodes({
    seed: 'golden' as unknown as number,
    names: ['berlin', 'tokyo'],
    limits: { messageBytesMax: 4_096 }
  })
  await sim.server('tokyo')
  await sim.client('berlin')
  const queue = await sim.queue('berlin')
  for (const n of [0, 1, 2]) await sim.until(queue.sendMessage(`arrived ${n}`, { to: 'tokyo', channel: 'Größe/eu' }))
  await sim.clock.advance(10_000)
  sim.down.add('tokyo')
  await sim.until(
    queue.sendMessages(['waits 0', Buffer.from('waits 1'), { waits: 2 }], { to: 'tokyo', channel: 'Größe/eu' })
  )
  await sim.until(
    queue.sendMessage('urgent', { to: 'tokyo', priority: 9, headers: { Größe: 'ü' }, id: 'order-1', ttl: '10d' })
  )
  await sim.until(queue.sendMessages(['done', 'retried', 'rejected', 'leased', 'pending'], { channel: 'home' }))
  const [done, retried, rejected] = await pollAll(sim, queue, 'home')
  await sim.until(done!.ack({ result: 1 }))
  await sim.until(retried!.retry({ after: 0, reason: 'not now' }))
  await sim.until(rejected!.reject('never'))
  await sim.until(queue.sendMessage('once', { channel: 'home', id: 'order-2' }))
  await sim.clock.advance(5_000)
  const files = await filesBelow(sim, '/spool')
  return files
}

if (process.env.DROPR_GOLDEN === 'write')
  test('the golden spool is written', async () => {
    writeFileSync(GOLDEN, `${JSON.stringify(await written(), undefined, 1)}\n`)
  })

test('P11: a spool that version 1 left behind is opened, read and gone on with: nothing lost, doubled or out of order', async () => {
  expect(existsSync(GOLDEN)).toBe(true)
  const golden = JSON.parse(readFileSync(GOLDEN, 'utf8')) as Record<string, string>
  const sim = new SimNodes({ seed: 11, names: ['berlin', 'tokyo'] })
  const { disk } = sim.machine('berlin')
  for (const [file, hex] of Object.entries(golden)) {
    const parts = file.split('/').slice(1, -1)
    for (let depth = 1; depth <= parts.length; depth++) {
      const folder = `/${parts.slice(0, depth).join('/')}`
      await sim.until(disk.makeFolder(folder))
    }
    disk.plant(file, Buffer.from(hex, 'hex'))
  }
  await sim.server('tokyo')
  const queue = await sim.queue('berlin')
  await sim.until(queue.sendMessage('new', { to: 'tokyo', channel: 'Größe/eu' }))
  await sim.until(queue.sendMessage('again', { channel: 'home', id: 'order-2' }))
  await sim.until(queue.sendMessage('home new', { channel: 'home' }))
  await sim.client('berlin')
  await sim.clock.advance(30_000)
  const tokyo = await sim.queue('tokyo')
  const arrived = (await sim.take(tokyo, 'Größe/eu')).map(message => message.body)
  // The receiver is new and has what was acknowledged to version 1 sent again. The dead process had not closed: `new` has no place among its own.
  expect(arrived.filter(body => body !== 'new')).toEqual([
    'arrived 0',
    'arrived 1',
    'arrived 2',
    'waits 0',
    Buffer.from('waits 1'),
    { waits: 2 }
  ])
  expect(arrived).toContain('new')
  const [urgent] = await sim.take(tokyo)
  expect(urgent).toMatchObject({ id: 'order-1', body: 'urgent', priority: 9, from: 'berlin', headers: { Größe: 'ü' } })
  const home = await sim.take(queue, 'home')
  expect(home.map(message => message.body)).toEqual(['retried', 'leased', 'pending', 'once', 'home new'])
  expect(home[0]).toMatchObject({ attempt: 2, redelivered: true })
  const spool = await sim.until(
    Spool.open({ system: sim.machine('berlin').process('reader'), path: '/spool', limits: sim.limits })
  )
  const dead = await sim.until(readDead(spool, 'home'))
  expect(dead.map(({ note }) => note?.reason)).toEqual(['never'])
  expect(Object.values(golden).join('').length / 2).toBeLessThan(FILES_BYTES_MAX)
})
