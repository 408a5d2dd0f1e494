import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import type { Message } from '../../src/queue/message.ts'
import { SimNodes, SPOOL } from './sim-nodes.ts'

const LIMITS = { messageBytesMax: 1_024, blobPieceBytes: 1_024, scanMs: 20_000, retryMsMin: 10, retryMsMax: 1_000 }
const BODY = Buffer.from(Array.from({ length: 5_000 }, (_, i) => (i * 7) & 255))
const SHA = createHash('sha256').update(BODY).digest('hex')

function bed(seed: number, limits = {}): SimNodes {
  return new SimNodes({ seed, names: ['berlin', 'tokyo'], limits: { ...LIMITS, ...limits } })
}

async function shaOf(sim: SimNodes, message: Message): Promise<string> {
  const parts = (await sim.until(message.stream().toArray())) as Buffer[]
  return createHash('sha256').update(Buffer.concat(parts)).digest('hex')
}

/** Files of large bodies, by the room they lie in. */
function blobs(sim: SimNodes, machine: string, folder = SPOOL): string[] {
  const found: string[] = []
  for (const [name, node] of sim.machine(machine).disk.disk.folder(folder).names) {
    if (node.kind === 'folder') found.push(...blobs(sim, machine, `${folder}/${name}`))
    else if (/\.(blob|part)$/.test(name)) found.push(folder.slice(SPOOL.length + 1).split('/')[0]!)
  }
  return found.sort()
}

test('a large message that is rejected keeps its body among the dead letters; redriven it is whole again, removed its body goes', async () => {
  const sim = bed(1, { retentionMs: 0, retentionBytes: 0 })
  await sim.server('berlin')
  const queue = await sim.queue('berlin')
  await sim.until(queue.sendMessage(Readable.from([BODY]), { id: 'film' }))
  for (let round = 0; round < 2; round++) {
    const message = (await sim.until(queue.poll({ wait: 5_000 })))!
    expect(message).toMatchObject({ id: 'film', size: 5_000 })
    expect(await shaOf(sim, message)).toBe(SHA)
    await sim.until(message.reject('no good'))
    // What is finished in the inbox goes; the letter's own name for the body stays.
    await sim.clock.advance(200_000)
    expect([...new Set(blobs(sim, 'berlin'))]).toEqual(['dead'])
    if (round === 0) expect(await sim.until(queue.dead.redrive({ all: true }))).toMatchObject({ moved: 1 })
  }
  await sim.until(queue.dead.remove({ all: true }))
  await sim.clock.advance(2.5 * 3_600_000)
  expect(blobs(sim, 'berlin')).toEqual([])
}, 240_000)

test('a large message that a peer refuses for good goes to the dead letters with its body, and from there to the peer when it takes it', async () => {
  const sim = bed(2)
  await sim.server('berlin')
  await sim.server('tokyo', 'strict', { blobBytesMax: 4_000 })
  const queue = await sim.queue('berlin')
  await sim.until(queue.sendMessage(Readable.from([BODY]), { to: 'tokyo', id: 'film' }))
  await sim.until(queue.sendMessage('behind', { to: 'tokyo' }))
  await sim.client('berlin')
  const reader = await sim.queue('tokyo', 'reader')
  expect((await sim.take(reader)).map(({ body }) => body)).toEqual(['behind'])
  await sim.clock.advance(200_000)
  expect(blobs(sim, 'berlin')).toEqual(['dead'])
  sim.machine('tokyo').process('strict').kill()
  await sim.server('tokyo', 'server')
  expect(await sim.until(queue.dead.redrive({ all: true }))).toMatchObject({ moved: 1 })
  const [message] = await sim.take(reader, 'common', 30_000)
  expect(message).toMatchObject({ id: 'film' })
  expect(await shaOf(sim, message!)).toBe(SHA)
}, 240_000)

test('a body that a stopped process is still writing is left alone, however long it stands; of a killed one it goes', async () => {
  const sim = bed(3)
  await sim.server('berlin')
  const queue = await sim.queue('berlin')
  async function* slow() {
    for (let at = 0; at < BODY.length; at += 500) {
      yield BODY.subarray(at, at + 500)
      await sim.clock.sleep(100)
    }
  }
  const sent = queue.sendMessage(slow())
  await sim.clock.advance(500)
  expect(blobs(sim, 'berlin')).toEqual(['outbox'])
  const process = sim.machine('berlin').process('app')
  process.stop()
  await sim.clock.advance(900_000)
  expect(blobs(sim, 'berlin')).toEqual(['outbox'])
  process.continue()
  await sim.until(sent)
  const reader = await sim.queue('berlin', 'reader')
  const [message] = await sim.take(reader)
  expect(await shaOf(sim, message!)).toBe(SHA)

  void queue.sendMessage(slow())
  await sim.clock.advance(500)
  process.kill()
  await sim.clock.advance(200_000)
  expect(blobs(sim, 'berlin').filter(room => room === 'outbox')).toEqual([])
}, 240_000)

test('a large message that expires before anybody had it leaves no body in outbox or inbox', async () => {
  const sim = bed(4, { retentionMs: 0, retentionBytes: 0 })
  sim.down.add('tokyo')
  await sim.server('tokyo')
  const queue = await sim.queue('berlin')
  await sim.until(queue.sendMessage(Readable.from([BODY]), { to: 'tokyo', ttl: 5_000 }))
  await sim.client('berlin')
  await sim.clock.advance(20_000)
  sim.down.delete('tokyo')
  await sim.clock.advance(250_000)
  expect([blobs(sim, 'berlin'), blobs(sim, 'tokyo')]).toEqual([[], []])
}, 240_000)

test('deadRetentionBytes counts large bodies: the oldest go, letter and body, until the others fit', async () => {
  const sim = bed(5, {
    segmentBytesMax: 65_536,
    deadRetentionBytes: 1_048_576,
    blobPieceBytes: 65_536,
    retentionMs: 0,
    retentionBytes: 0
  })
  const body = Buffer.alloc(300_000, 'film')
  const sha = createHash('sha256').update(body).digest('hex')
  await sim.server('berlin')
  const queue = await sim.queue('berlin')
  for (let i = 0; i < 6; i++) {
    await sim.until(queue.sendMessage(Readable.from([body]), { id: `film ${i}` }))
    const message = (await sim.until(queue.poll({ wait: 5_000 })))!
    await sim.until(message.reject('no good'))
    await sim.clock.advance(1_000)
  }
  const dead = async () => (await sim.until(queue.dead.list())).letters.map(({ id }) => id)
  expect(await dead()).toHaveLength(6)
  await sim.clock.advance(200_000)
  const left = await dead()
  expect(left.length).toBeGreaterThan(0)
  expect(left).toEqual(Array.from({ length: 6 }, (_, i) => `film ${i}`).slice(-left.length))
  expect(blobs(sim, 'berlin')).toEqual(left.map(() => 'dead'))
  let bytes = 0
  const folder = `${SPOOL}/dead/common`
  for (const { name } of await sim.until(sim.machine('berlin').disk.list(folder)))
    bytes += sim.machine('berlin').disk.peek(`${folder}/${name}`)!.length
  expect(bytes).toBeLessThanOrEqual(1_048_576)
  // What is left is whole.
  await sim.until(queue.dead.redrive({ all: true }))
  for (const id of left) {
    const message = (await sim.until(queue.poll({ wait: 5_000 })))!
    expect([message.id, await shaOf(sim, message)]).toEqual([id, sha])
    await sim.until(message.ack())
  }
})
