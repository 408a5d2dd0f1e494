import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import type { Receipt } from '../../src/index.ts'
import { SimNodes } from '../rows/sim-nodes.ts'
import { STORES } from '../rows/stores.ts'
import { MemoryFiles } from './memory-files.ts'

/*
 * Rows of the groups A and D in both stores. Where the test of a row needs nothing but a place for messages, it is run in each of
 * them where it stands: A6, A7, A9, A13, A14, A16, A19 to A23, D6, D7, D11, D13 (`test.each(STORES)`). Here are those whose own test is about
 * processes or the network around it: the same statement, with both stores.
 *
 * Not in the second store, and why:
 * A1, A5 are about the command line and the price of our files; `dropr up` and other processes cannot reach a memory.
 * A2 and D3 are here without what a power cut takes, and A3 not at all: what a place keeps then its author promises.
 * A24, D10, D14, D15, D16 have no store in them: ids, the source text, and what goes over the wire.
 * D1 is a line for the shell in the documentation. D8 is about bytes that are refused before any store sees them, D9 about names of
 * our files.
 */

const LIMITS = { retryMsMin: 20, retryMsMax: 1_000, scanMs: 1_000 }
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

function pair(store: (typeof STORES)[number], limits: object = {}) {
  return new SimNodes({ seed: 9, names: ['berlin', 'tokyo'], limits: { ...LIMITS, ...limits }, store })
}

test.each(STORES)(
  'A2 A4: with no daemon 100 messages are taken from a process that dies; later daemons bring all that it told of (%s)',
  async store => {
    const nodes = pair(store)
    const queue = await nodes.queue('berlin')
    const told = new Set<string>()
    for (const n of range(0, 100))
      queue.sendMessage(n, { to: 'tokyo' }).then(
        ({ id }: Receipt) => told.add(id),
        () => undefined
      )
    while (told.size < 30) await nodes.clock.advance(0.1)
    nodes.machine('berlin').process('app').kill()
    const known = new Set(told)
    await nodes.clock.advance(1_000)
    expect(told).toEqual(known)
    await nodes.server('tokyo')
    await nodes.client('berlin')
    await nodes.clock.advance(5_000)
    const got = await nodes.take(await nodes.queue('tokyo'))
    expect([...known].filter(id => !got.some(message => message.id === id))).toEqual([])
    expect(got.map(({ body }) => body)).toEqual(range(0, got.length))
  }
)

test.each(STORES)(
  'A8: messages of two processes, the second begun after the first had closed, come out in the order of sending (%s)',
  async store => {
    const nodes = pair(store)
    for (const [name, from] of [['one', 0] as const, ['two', 500] as const]) {
      const queue = await nodes.queue('berlin', name)
      await nodes.until(Promise.all(range(from, from + 500).map(n => queue.sendMessage(n))))
      await nodes.until(queue.close())
    }
    expect((await nodes.take(await nodes.queue('berlin'))).map(({ body }) => body)).toEqual(range(0, 1_000))
  }
)

test.each(STORES)(
  'A10: a large body, sent as a stream, arrives on another node and on this one, byte for byte, and its parts go with it (%s)',
  async store => {
    const nodes = pair(store, { messageBytesMax: 4_096, blobPieceBytes: 1_024, retentionMs: 0 })
    await nodes.server('tokyo')
    await nodes.client('berlin')
    const body = Buffer.from(range(0, 50_000).map(n => (n * 7) & 255))
    const queue = await nodes.queue('berlin')
    const parts = range(0, 50).map(n => body.subarray(n * 1_000, n * 1_000 + 1_000))
    await nodes.until(queue.sendMessage(Readable.from(parts), { to: ['berlin', 'tokyo'] }))
    for (const name of ['berlin', 'tokyo']) {
      const message = (await nodes.until((await nodes.queue(name)).poll({ wait: '10s' })))!
      expect(message).toMatchObject({ large: true, size: 50_000 })
      const read = async () => {
        const chunks: Buffer[] = []
        for await (const chunk of message.stream()) chunks.push(chunk as Buffer)
        return Buffer.concat(chunks)
      }
      expect((await nodes.until(read())).equals(body)).toBe(true)
      await nodes.until(message.ack())
    }
  }
)

test.each(STORES)(
  'A11 A12: a batch in which one body is no body, or two ids are equal, leaves none; else all are there, in order (%s)',
  async store => {
    const nodes = pair(store)
    const queue = await nodes.queue('berlin')
    const bodies = range(0, 100)
    const refused = async (list: unknown[], options: object) =>
      await nodes.until(queue.sendMessages(list as number[], options).then(() => 'sent', String))
    expect(await refused([...bodies, () => 1], {})).toMatch(/^TypeError/)
    expect(await refused(bodies, { ids: bodies.map(n => `id ${n % 99}`) })).toContain(
      'two messages of the batch have the id'
    )
    expect(await nodes.until(queue.poll({ wait: '2s' }))).toBeUndefined()
    await nodes.until(queue.sendMessages(bodies))
    expect((await nodes.take(queue)).map(({ body }) => body)).toEqual(bodies)
  }
)

test.each(STORES)(
  'A17 A18: 8 processes send 200 messages each to this node at once: 1,600 ids, each polled once, each process in order (%s)',
  async store => {
    const nodes = pair(store)
    const names = range(0, 8).map(n => `p${n}`)
    const queues = await Promise.all(names.map(name => nodes.queue('berlin', name)))
    const receipts = await nodes.until(
      Promise.all(queues.flatMap((queue, i) => range(0, 200).map(n => queue.sendMessage(`${names[i]} ${n}`))))
    )
    const got = await nodes.take(await nodes.queue('berlin', 'reader'))
    expect(got.map(({ id }) => id).toSorted()).toEqual(receipts.map(({ id }) => id).toSorted())
    for (const name of names) {
      const bodies = got.map(message => message.text()).filter(body => body.startsWith(`${name} `))
      expect(bodies).toEqual(range(0, 200).map(n => `${name} ${n}`))
    }
  }
)

test.each(STORES)(
  'D4 D5: with the first ten answers lost 200 are polled once each; what is uploaded again after they are done gives nothing (%s)',
  async store => {
    const nodes = pair(store, { rangeBytesMax: 1_024 })
    await nodes.server('tokyo')
    await nodes.client('berlin')
    let answers = 0
    nodes.wire = () => (answers++ < 10 ? { loseAnswer: true } : undefined)
    const queue = await nodes.queue('berlin')
    await nodes.until(queue.sendMessages(range(0, 200), { to: 'tokyo' }))
    await nodes.clock.advance(60_000)
    nodes.wire = () => undefined
    await nodes.clock.advance(10_000)
    const tokyo = await nodes.queue('tokyo')
    expect((await nodes.take(tokyo)).map(({ body }) => body)).toEqual(range(0, 200))
    const came = nodes.uploads.filter(({ request }) => request.entries.length > 0)
    expect(new Set(came.map(({ request }) => request.from)).size).toBeLessThan(came.length)
    for (const { request } of came) {
      const peer = { name: 'tokyo', url: 'http://tokyo.example' }
      await nodes.until(
        nodes.transport.upload(peer, { ...request, nonce: 'f'.repeat(32) }, new AbortController().signal)
      )
    }
    expect(await nodes.until(tokyo.poll({ wait: '3s' }))).toBeUndefined()
  }
)

test.each(STORES)(
  'B9 D2: of three messages the one that is too large for the peer is dead here with the reason, the others are stored there (%s)',
  async store => {
    const nodes = pair(store)
    await nodes.server('tokyo', 'server', { messageBytesMax: 1_024 })
    await nodes.client('berlin')
    const queue = await nodes.queue('berlin')
    await nodes.until(queue.sendMessages(['a', 'x'.repeat(2_000), 'c'], { to: 'tokyo' }))
    await nodes.clock.advance(10_000)
    expect((await nodes.take(await nodes.queue('tokyo'))).map(({ body }) => body)).toEqual(['a', 'c'])
    const { letters } = await nodes.until(queue.dead.list())
    expect(letters).toMatchObject([{ code: 'MESSAGE_TOO_LARGE', channel: 'common' }])
  }
)

test.each(STORES)(
  'B9 D3: the receiver dies 40 times between storing and answering: nothing that was acknowledged is missing, and all comes once, in order (%s)',
  async store => {
    const nodes = pair(store, { answerMsMax: 100, rangeBytesMax: 1_024 })
    await nodes.client('berlin')
    const queue = await nodes.queue('berlin')
    const bodies: number[] = []
    for (let life = 0; life < 40; life++) {
      const server = `server ${life}`
      await nodes.server('tokyo', server)
      for (const n of range(life * 10, life * 10 + 10)) {
        bodies.push(n)
        await nodes.until(queue.sendMessage(n, { to: 'tokyo' }))
      }
      await nodes.clock.advance(nodes.world.random.between(0, 30))
      nodes.machine('tokyo').process(server).kill()
      await nodes.clock.advance(200)
    }
    await nodes.server('tokyo', 'last')
    await nodes.clock.advance(30_000)
    expect((await nodes.take(await nodes.queue('tokyo'))).map(({ body }) => body)).toEqual(bodies)
    expect(nodes.uploads.length).toBeGreaterThan(80)
  }
)

/** From now on so many bytes more fit where the messages of a machine lie. */
async function room(nodes: SimNodes, name: string, bytes: number): Promise<void> {
  const files = await nodes.storage(name)
  if (files instanceof MemoryFiles) files.capacityBytes = files.bytesUsed + bytes
  else nodes.machine(name).disk.capacityBytes = nodes.machine(name).disk.disk.bytesUsed + bytes
}

test.each(STORES)(
  'B9 A15 D12: what does not fit is refused at once and the earlier is intact; a peer that is full gets everything, once, when it has room (%s)',
  async store => {
    const nodes = pair(store)
    await nodes.server('tokyo')
    await nodes.client('berlin')
    const queue = await nodes.queue('berlin')
    const bodies = range(0, 100).map(n => `${n} ${'x'.repeat(1_000)}`)
    await room(nodes, 'tokyo', 20_000)
    for (const body of bodies) await nodes.until(queue.sendMessage(body, { to: 'tokyo' }))
    await nodes.clock.advance(60_000)
    await room(nodes, 'tokyo', Number.POSITIVE_INFINITY)
    await room(nodes, 'berlin', 3_000)
    const codes = new Map<string, number>()
    for (const body of bodies.slice(0, 20)) {
      const sent = queue.sendMessage(body, { channel: 'full' })
      const code = await nodes.until(
        sent.then(
          () => 'sent',
          (error: { code: string }) => error.code
        )
      )
      codes.set(code, (codes.get(code) ?? 0) + 1)
    }
    expect([...codes.keys()].toSorted()).toEqual(['DISK_FULL', 'sent'])
    await room(nodes, 'berlin', Number.POSITIVE_INFINITY)
    await nodes.clock.advance(20_000)
    expect((await nodes.take(await nodes.queue('tokyo'))).map(({ body }) => body)).toEqual(bodies)
    expect(await nodes.take(queue, 'full')).toHaveLength(codes.get('sent')!)
  }
)
