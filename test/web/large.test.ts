import { open, readdir, rm, truncate } from 'node:fs/promises'
import { connect } from 'node:net'
import path from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, expect, test } from 'vitest'
import { closeAll, type Desk, desk, settled } from './desk.ts'

afterEach(closeAll)

const BODY = Buffer.from(Array.from({ length: 700_000 }, (_, i) => (i * 7) & 255))

test('GET gives a large body byte for byte, with its length; JSON tells the length only', async () => {
  const node = await desk({ limits: { messageBytesMax: 10_000, blobPieceBytes: 65_536 } })
  await node.queue.sendMessage(Readable.from([BODY]), { channel: 'films', id: 'film' })
  const taken = await fetch(`${node.url}/v1/queues/films?wait=10s`)
  expect(taken.status).toBe(200)
  expect(taken.headers.get('content-length')).toBe('700000')
  expect(taken.headers.get('dropr-id')).toBe('film')
  expect(Buffer.from(await taken.arrayBuffer()).equals(BODY)).toBe(true)
  const lease = taken.headers.get('dropr-lease')
  expect((await node.call('POST', `/v1/leases/${lease}/0/release`)).status).toBe(204)
  const polled = await node.call('POST', '/v1/poll', { json: { channel: 'films', wait: '10s' } })
  expect(polled.json.messages[0]).toMatchObject({ id: 'film', kind: 'bytes', bodyBytes: 700_000 })
  expect(polled.json.messages[0].bodyBase64).toBeUndefined()
  expect((await node.call('POST', `/v1/leases/${polled.json.lease}/0/ack`)).status).toBe(204)
  await settled(node, 'films', { pending: 0, leased: 0, done: 1 })
})

const LIMITS = { messageBytesMax: 10_000, blobPieceBytes: 65_536 }

/** The large bodies that lie in the outbox for this node, and those that have come into the inbox. */
async function blobsIn(node: Desk, room: 'outbox' | 'inbox'): Promise<string[]> {
  const names = await readdir(path.join(node.folder, 'spool', room), { recursive: true }).catch(() => [])
  return names.filter(name => /\.(blob|part)$/.test(name))
}

async function* parts(bytes: Buffer, partBytes: number) {
  for (let at = 0; at < bytes.length; at += partBytes) yield bytes.subarray(at, at + partBytes)
}

test.each(['said', 'not said'])(
  'PUT takes a body above messageBytesMax, its length %s, and gives it byte for byte',
  async length => {
    const node = await desk({ limits: LIMITS })
    const sent = await fetch(`${node.url}/v1/queues/films`, {
      method: 'PUT',
      body: length === 'said' ? BODY : ReadableStream.from(parts(BODY, 7_000)),
      headers: { 'idempotency-key': 'film', 'content-type': 'text/plain', 'dropr-header-lang': 'de' },
      duplex: 'half'
    } as RequestInit)
    expect([sent.status, await sent.json()]).toEqual([201, { id: 'film', state: 'queued', durability: 'synced' }])
    const taken = await fetch(`${node.url}/v1/queues/films?wait=10s`)
    expect(taken.headers.get('content-type')).toBe('text/plain; charset=utf-8')
    expect(taken.headers.get('dropr-header-lang')).toBe('de')
    expect(Buffer.from(await taken.arrayBuffer()).equals(BODY)).toBe(true)
    await node.call('POST', `/v1/leases/${taken.headers.get('dropr-lease')}/0/ack`)
    await settled(node, 'films', { done: 1 })
  }
)

test('a short body whose length is not said is a message like any other', async () => {
  const node = await desk({ limits: LIMITS })
  const body = ReadableStream.from(parts(BODY.subarray(0, 10_000), 999))
  const sent = await fetch(`${node.url}/v1/queues/c`, { method: 'PUT', body, duplex: 'half' } as RequestInit)
  expect(sent.status).toBe(201)
  expect(await blobsIn(node, 'outbox')).toEqual([])
  const polled = await node.call('POST', '/v1/poll', { json: { channel: 'c', wait: '10s' } })
  expect(Buffer.from(polled.json.messages[0].bodyBase64, 'base64').equals(BODY.subarray(0, 10_000))).toBe(true)
})

test.each([
  ['above blobBytesMax', {}, 413, 'MESSAGE_TOO_LARGE'],
  ['to nobody', { 'dropr-to': 'tokio' }, 404, 'PEER_UNKNOWN'],
  ['with a header of no kind', { 'dropr-tok': 'x' }, 400, 'REQUEST_BAD']
] as const)(
  'a large body %s is answered, while it is still coming, and leaves nothing',
  async (_, headers, status, code) => {
    const node = await desk({ limits: { ...LIMITS, blobBytesMax: 100_000 } })
    const length = code === 'MESSAGE_TOO_LARGE' ? 700_000 : 90_000
    for (const body of [BODY.subarray(0, length), ReadableStream.from(parts(BODY.subarray(0, length), 7_000))]) {
      const answer = await fetch(`${node.url}/v1/queues/c`, {
        method: 'PUT',
        body,
        headers,
        duplex: 'half'
      } as RequestInit)
      expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([status, code])
    }
    expect(await node.queue.peek({ channel: 'c' })).toEqual([])
    expect(await blobsIn(node, 'outbox')).toEqual([])
  }
)

test.each([
  ['goes away', true],
  ['stands still', false]
])('of a large body whose sender %s on the way nothing is sent and nothing stays', async (_, goes) => {
  const node = await desk({ limits: { ...LIMITS, stallMsMax: 300, answerMsMax: 300 } })
  const socket = connect(Number(new URL(node.url).port), '127.0.0.1')
  const closed = new Promise(resolve => socket.once('close', resolve))
  socket.on('error', () => undefined).resume()
  socket.write(`PUT /v1/queues/c HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${BODY.length}\r\n\r\n`)
  socket.write(BODY.subarray(0, 300_000))
  await expect.poll(() => blobsIn(node, 'outbox'), { timeout: 10_000 }).toHaveLength(1)
  if (goes) socket.destroy()
  await closed
  await expect.poll(() => blobsIn(node, 'outbox'), { timeout: 10_000 }).toEqual([])
  expect(await node.queue.peek({ channel: 'c' })).toEqual([])
  expect((await node.call('PUT', '/v1/queues/c', { body: BODY })).status).toBe(201)
})

test.each([
  ['one byte of it is wrong', (path: string) => flip(path)],
  ['it was cut off', (path: string) => truncate(path, 300_000)],
  ['it is gone', (path: string) => rm(path)]
])(
  'a large body of which %s is never given whole; each try is an attempt, and the last ends it among the dead letters, with the reason',
  async (_, harm) => {
    const node = await desk({ limits: { ...LIMITS, attemptsMax: 2, attemptMsMin: 0, attemptMsMax: 0 } })
    await node.queue.sendMessage(Readable.from([BODY]), { channel: 'films', id: 'film' })
    await settled(node, 'films', { pending: 1 })
    const [name] = await blobsIn(node, 'inbox')
    await harm(path.join(node.folder, 'spool/inbox', name!))
    for (let i = 0; i < 3; i++) {
      const taken = await fetch(`${node.url}/v1/queues/films?wait=10s`)
      expect([i, taken.status]).not.toEqual([i, 404])
      const whole = taken.arrayBuffer().then(bytes => taken.status === 200 && bytes.byteLength === BODY.length)
      expect(await whole.catch(() => false)).toBe(false)
    }
    await settled(node, 'films', { pending: 0, leased: 0, dead: 1 })
    const { json } = await node.call('GET', '/v1/dead?channel=films')
    const reason = expect.stringMatching(/^the body cannot be read: (ENTRY_CORRUPT|DISK_ERROR): /)
    expect(json.letters).toMatchObject([{ id: 'film', reason, attempts: [{ reason }, { reason }, { reason }] }])
  }
)

async function flip(path: string): Promise<void> {
  const file = await open(path, 'r+')
  const at = BODY.length - 5
  await file.write(Buffer.from([BODY[at]! ^ 1]), 0, 1, at)
  await file.close()
}
