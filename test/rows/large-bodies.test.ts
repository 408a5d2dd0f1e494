import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import type { Message } from '../../src/queue/message.ts'
import { SimNodes, SPOOL } from './sim-nodes.ts'

const LIMITS = {
  messageBytesMax: 1_024,
  blobPieceBytes: 1_024,
  retryMsMin: 10,
  retryMsMax: 1_000,
  answerMsMax: 500,
  scanMs: 20_000
}
const SEEDS = Number(process.env.DROPR_SEEDS ?? 10)

function bed(seed: number, limits = {}): SimNodes {
  return new SimNodes({ seed, names: ['berlin', 'tokyo'], limits: { ...LIMITS, ...limits } })
}

const bytesOf = (count: number) => Buffer.from(Array.from({ length: count }, (_, i) => (i * 7 + (i >> 8)) & 255))
const sha = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

async function read(sim: SimNodes, message: Message): Promise<Buffer> {
  const parts = (await sim.until(message.stream().toArray())) as Buffer[]
  return Buffer.concat(parts)
}

/** All files of large bodies, wherever in the spool. */
function blobs(sim: SimNodes, machine: string, folder = SPOOL): string[] {
  const found: string[] = []
  for (const [name, node] of sim.machine(machine).disk.disk.folder(folder).names) {
    if (node.kind === 'folder') found.push(...blobs(sim, machine, `${folder}/${name}`))
    else if (/\.(blob|part)$/.test(name)) found.push(`${folder}/${name}`)
  }
  return found
}

const piecesOf = (sim: SimNodes) => sim.uploads.filter(({ request }) => (request.blob && request.entries.length) ?? 0)

test('a large body goes to a peer ahead of its message, in pieces, each once while nothing goes wrong; other streams pass', async () => {
  const sim = bed(1)
  const body = bytesOf(10_000)
  await sim.server('tokyo')
  const queue = await sim.queue('berlin')
  const sent = queue.sendMessage(Readable.from([body]), { to: 'tokyo', channel: 'large' })
  await sim.until(sent)
  await sim.until(queue.sendMessage('behind', { to: 'tokyo', channel: 'large' }))
  await sim.until(queue.sendMessage('beside', { to: 'tokyo', channel: 'small' }))
  await sim.client('berlin')
  const reader = await sim.queue('tokyo', 'reader')
  const [beside] = await sim.take(reader, 'small')
  expect(beside!.body).toBe('beside')
  const [large, behind] = await sim.take(reader, 'large')
  expect(large).toMatchObject({ size: 10_000, large: true, from: 'berlin' })
  expect(sha(await read(sim, large!))).toBe(sha(body))
  expect(behind!.body).toBe('behind')
  expect(piecesOf(sim).map(({ request }) => request.blob!.at)).toEqual(
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map(i => i * 1_024)
  )
  const places = sim.uploads.map(({ request }, i) => (request.channel === 'small' ? i : -1)).filter(i => i >= 0)
  const last = sim.uploads.findLastIndex(({ request }) => request.blob !== undefined)
  expect(Math.min(...places)).toBeLessThan(last)
})

test('a transfer cut at any byte goes on where it was cut: what was stored is not sent again', async () => {
  let again = 0
  for (let cutAt = 0; cutAt <= 1_024; cutAt += 256) {
    const sim = bed(cutAt)
    const body = bytesOf(8_000)
    await sim.server('tokyo')
    let cuts = 0
    sim.wire = (_, { blob, entries }) => {
      if (blob === undefined || entries.length === 0 || cuts > 6) return undefined
      cuts++
      return { cutAt: Math.min(cutAt, entries.length) }
    }
    const queue = await sim.queue('berlin')
    await sim.until(queue.sendMessage(Readable.from([body]), { to: 'tokyo' }))
    await sim.client('berlin')
    const reader = await sim.queue('tokyo', 'reader')
    const [message] = await sim.take(reader, 'common', 20_000)
    expect(sha(await read(sim, message!))).toBe(sha(body))
    const bytes = piecesOf(sim).reduce((sum, { request }) => sum + request.entries.length, 0)
    expect(bytes - body.length).toBeLessThanOrEqual(7 * (1_024 - cutAt))
    again += bytes - body.length
  }
  expect(again).toBeGreaterThan(0)
})

test('a receiver killed in the middle keeps what came but the last piece; a power cut on either side loses no acknowledged body and leaves none that nobody owns', async () => {
  let whole = 0
  for (let seed = 1; seed <= SEEDS; seed++) {
    const sim = bed(seed, { retentionMs: 0, retentionBytes: 0, blobIdleMsMax: 60_000 })
    const random = sim.world.random.fork('test')
    const body = bytesOf(6_000 + random.int(6_000))
    let server = await sim.server('tokyo')
    const queue = await sim.queue('berlin')
    await sim.until(queue.sendMessage(Readable.from([body]), { to: 'tokyo', id: 'order' }))
    await sim.client('berlin')
    for (let cut = 0; cut < 3; cut++) {
      await sim.clock.advance(random.next() * 15)
      if (random.chance(0.6)) {
        if (random.chance(0.5)) sim.machine('tokyo').powerCut()
        else sim.machine('tokyo').process('server').kill()
        server = await sim.server('tokyo')
      } else {
        sim.machine('berlin').powerCut()
        await sim.client('berlin')
      }
    }
    const reader = await sim.queue('tokyo', 'reader')
    const messages = await sim.take(reader, 'common', 20_000)
    expect(
      messages.map(({ id }) => id),
      `seed ${seed}`
    ).toEqual(['order'])
    expect(sha(await read(sim, messages[0]!)), `seed ${seed}`).toBe(sha(body))
    whole++
    await sim.clock.advance(250_000)
    expect(blobs(sim, 'tokyo'), `seed ${seed}`).toEqual([])
    expect(blobs(sim, 'berlin'), `seed ${seed}`).toEqual([])
    await sim.until(reader.close())
    void server
  }
  expect(whole).toBe(SEEDS)
}, 240_000)

test('a body damaged on the way is sent again; one that is damaged where it comes from goes to the dead letters, and the next message passes', async () => {
  const sim = bed(7)
  const body = bytesOf(5_000)
  await sim.server('tokyo')
  let flips = 1
  sim.wire = (_, { blob, entries }) => (blob && entries.length > 0 && flips-- > 0 ? { flipAt: 100 } : undefined)
  const queue = await sim.queue('berlin')
  await sim.until(queue.sendMessage(Readable.from([body]), { to: 'tokyo' }))
  await sim.client('berlin')
  const reader = await sim.queue('tokyo', 'reader')
  const [message] = await sim.take(reader, 'common', 20_000)
  expect(sha(await read(sim, message!))).toBe(sha(body))
  expect(piecesOf(sim).length).toBe(10)

  await sim.until(queue.sendMessage(Readable.from([body]), { to: 'tokyo', id: 'rotten' }))
  const [path] = blobs(sim, 'berlin').filter(name => !name.includes('/dead/'))
  sim.machine('berlin').disk.flip(blobs(sim, 'berlin').at(-1) ?? path!, 50, 1)
  await sim.until(queue.sendMessage('next', { to: 'tokyo' }))
  const [next] = await sim.take(reader, 'common', 60_000)
  expect(next!.body).toBe('next')
  await sim.clock.advance(5_000)
  expect(blobs(sim, 'berlin').filter(name => name.includes('/dead/')).length).toBe(1)
}, 240_000)
