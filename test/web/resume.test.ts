import { createHash } from 'node:crypto'
import { connect } from 'node:net'
import { Readable } from 'node:stream'
import { afterEach, expect, test } from 'vitest'
import { closeAll, type Desk, desk, settled } from './desk.ts'

afterEach(closeAll)

const BODY = Buffer.from(Array.from({ length: 8_000_000 }, (_, i) => (i * 7 + (i >> 9)) & 255))
const LIMITS = { messageBytesMax: 10_000, blobPieceBytes: 65_536 }
const ETAG = `"${createHash('sha256').update(BODY).digest('hex')}"`

async function node(): Promise<Desk> {
  const made = await desk({ limits: LIMITS })
  await made.queue.sendMessage(Readable.from([BODY]), { channel: 'films', id: 'film' })
  await settled(made, 'films', { pending: 1 })
  return made
}

/** GETs over a connection that is cut once so many bytes of the body are there. Gives the head and those. */
function cutAfter(to: Desk, path: string, bytesMax: number, headers = ''): Promise<{ head: string; part: Buffer }> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(to.url).port), '127.0.0.1')
    let all = Buffer.alloc(0)
    socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\n${headers}\r\n`)
    socket.on('error', reject)
    socket.on('end', () => reject(new Error(`it ended: ${all.subarray(0, 300).toString()}`)))
    socket.on('data', chunk => {
      all = Buffer.concat([all, chunk])
      const end = all.indexOf('\r\n\r\n') + 4
      if (end < 4) return
      if (!/^HTTP\/1.1 20[06] /.test(all.toString('latin1', 0, 20))) return reject(new Error(all.toString()))
      if (all.length - end < bytesMax) return
      socket.destroy()
      resolve({ head: all.toString('latin1', 0, end), part: all.subarray(end, end + bytesMax) })
    })
  })
}

const headerIn = (head: string, name: string) => new RegExp(`^${name}: (.*)\r$`, 'im').exec(head)?.[1]

test('a download that is cut twice goes on where it was, under the same lease, and the whole is what was sent', async () => {
  const berlin = await node()
  const first = await cutAfter(berlin, '/v1/queues/films?wait=10s&resume=true', 1_000_000)
  const path = new URL(headerIn(first.head, 'content-location')!, `${berlin.url}/v1/queues/films`).pathname
  expect(headerIn(first.head, 'etag')).toBe(ETAG)
  const asked = (from: number) => `range: bytes=${from}-\r\nif-range: ${ETAG}\r\n`
  const second = await cutAfter(berlin, path, 2_000_000, asked(1_000_000))
  expect(second.head).toMatch(/^HTTP\/1.1 206 /)
  expect(headerIn(second.head, 'content-range')).toBe(`bytes 1000000-7999999/${BODY.length}`)
  const last = await fetch(berlin.url + path, { headers: { range: 'bytes=3000000-', 'if-range': ETAG } })
  expect([last.status, last.headers.get('content-length')]).toEqual([206, '5000000'])
  const whole = Buffer.concat([first.part, second.part, Buffer.from(await last.arrayBuffer())])
  expect(whole.equals(BODY)).toBe(true)
  const digest = createHash('sha256').update(whole).digest('base64')
  expect(last.headers.get('repr-digest')).toBe(`sha-256=:${digest}:`)
  expect(berlin.depths()).toMatchObject([{ channel: 'films', leased: 1, pending: 0 }])
  expect((await berlin.call('POST', path.replace(/body$/, 'ack'))).status).toBe(204)
  await settled(berlin, 'films', { leased: 0, done: 1 })
  const late = await berlin.call('GET', path)
  expect([late.status, late.json.code]).toEqual([409, 'LEASE_LOST'])
})

test('without resume a download that is cut gives the message back at once, and its lease reads nothing any more', async () => {
  const berlin = await node()
  const { head } = await cutAfter(berlin, '/v1/queues/films?wait=10s', 100_000)
  await settled(berlin, 'films', { pending: 1, leased: 0 })
  const lost = await berlin.call('GET', `/v1/leases/${headerIn(head, 'dropr-lease')}/0/body`)
  expect([lost.status, lost.json.code]).toEqual([409, 'LEASE_LOST'])
  expect((await cutAfter(berlin, '/v1/queues/films', 1)).head).toContain('dropr-attempt: 1')
})

test('a body that was polled as JSON is read there: all of it, a part, and for a part that there is not a 416', async () => {
  const berlin = await node()
  await berlin.queue.sendMessage('small', { channel: 'films' })
  await settled(berlin, 'films', { pending: 2 })
  const { json } = await berlin.call('POST', '/v1/poll', { json: { channel: 'films', max: 2 } })
  const url = `${berlin.url}/v1/leases/${json.lease}/0/body`
  const all = await fetch(url)
  expect([all.status, all.headers.get('accept-ranges'), all.headers.get('etag')]).toEqual([200, 'bytes', ETAG])
  expect(Buffer.from(await all.arrayBuffer()).equals(BODY)).toBe(true)
  const other = await fetch(url, { headers: { range: 'bytes=5-', 'if-range': '"of another body"' } })
  expect(other.status).toBe(200)
  await other.body!.cancel()
  const end = await fetch(url, { headers: { range: 'bytes=-3' } })
  expect([end.status, Buffer.from(await end.arrayBuffer())]).toEqual([206, BODY.subarray(-3)])
  const beyond = await fetch(url, { headers: { range: `bytes=${BODY.length}-` } })
  expect([beyond.status, beyond.headers.get('content-range')]).toEqual([416, `bytes */${BODY.length}`])
  await beyond.arrayBuffer()
  for (const position of ['1', '7']) {
    const none = await berlin.call('GET', `/v1/leases/${json.lease}/${position}/body`)
    expect([none.status, none.json.code]).toEqual([400, 'REQUEST_BAD'])
  }
})

test('a download that stands still beyond its lease finds it over, and the message comes again as an attempt that failed', async () => {
  const berlin = await node()
  const { head } = await cutAfter(berlin, '/v1/queues/films?lease=100&resume=true', 1_000)
  const again = await fetch(`${berlin.url}/v1/queues/films?wait=20s`)
  expect(again.headers.get('dropr-attempt')).toBe('2')
  await again.body!.cancel()
  const lost = await berlin.call('GET', `/v1/leases/${headerIn(head, 'dropr-lease')}/0/body`)
  expect([lost.status, lost.json.code]).toEqual([409, 'LEASE_LOST'])
})

test('a PUT that is cut, sent again under its key until it is answered, and once more, is one message', async () => {
  const berlin = await desk({ limits: LIMITS })
  const put = () => berlin.call('PUT', '/v1/queues/films', { body: BODY, headers: { 'idempotency-key': 'film' } })
  const socket = connect(Number(new URL(berlin.url).port), '127.0.0.1')
  socket.on('error', () => undefined)
  socket.write(
    `PUT /v1/queues/films HTTP/1.1\r\nhost: localhost\r\nidempotency-key: film\r\ncontent-length: ${BODY.length}\r\n\r\n`
  )
  await new Promise(resolve => socket.write(BODY.subarray(0, 3_000_000), resolve))
  socket.destroy()
  for (let i = 0; i < 2; i++) expect((await put()).status).toBe(201)
  const taken = await fetch(`${berlin.url}/v1/queues/films?wait=10s`)
  expect(Buffer.from(await taken.arrayBuffer()).equals(BODY)).toBe(true)
  await berlin.call('POST', `/v1/leases/${taken.headers.get('dropr-lease')}/0/ack`)
  expect((await fetch(`${berlin.url}/v1/queues/films?wait=2s`)).status).toBe(404)
})
