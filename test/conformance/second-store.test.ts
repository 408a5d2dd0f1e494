import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import type { Receipt } from '../../src/index.ts'
import { SimNodes } from '../rows/sim-nodes.ts'
import { STORES } from '../rows/stores.ts'

/*
 * Rows of the groups A and D in both stores. Where the test of a row needs nothing but a place for messages, it is run in each of
 * them where it stands: A6, A7, A9, A13, A14, A16, A19 to A23, D6, D7, D11, D13 (`test.each(STORES)`). Here are those whose own test is about
 * processes or the network around it: the same statement, with both stores.
 *
 * Not in the second store, and why:
 * A1, A5 are about the command line and the price of our files; `dropr up` and other processes cannot reach a memory.
 * A2 (kill -9 of real processes), A3, A15, D3, D12 are about what a disk keeps, loses and refuses: the author of a storage promises
 * that, the cases of the suite ask for what can be asked.
 * A24, D10, D14, D15, D16 have no store in them: ids, the source text, and what goes over the wire.
 * D1 is a line for the shell in the documentation. D2, D8 and D9 are about bytes that are refused before any store sees them; D9 also
 * about names of our files.
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
