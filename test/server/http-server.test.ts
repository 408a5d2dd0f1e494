import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { DroprError } from '../../src/errors.ts'
import { limitsFrom } from '../../src/limits.ts'
import { HttpServer } from '../../src/server/http-server.ts'
import { systemClock } from '../../src/system/clock.ts'
import { silentLog } from '../../src/system/log.ts'
import { systemRandom } from '../../src/system/random.ts'
import { HttpTransport } from '../../src/wire/http-transport.ts'
import type { ReceiveUpload } from '../../src/wire/transport.ts'
import { ANSWER_TYPE, type UploadRequest } from '../../src/wire/upload.ts'
import { testTransport } from '../wire/transport-suite.ts'
import { closeAll, desk, head } from './http-desk.ts'

afterEach(closeAll)

testTransport('http', async receive => {
  const { server, url } = await desk({ receive })
  const transport = new HttpTransport({ clock: systemClock, limits: limitsFrom({}) })
  const close = async () => {
    await transport.close()
    await server.close({ withinMs: 0 })
  }
  return { transport, peer: { name: 'tokyo', url }, close }
})

test('an upload is answered as docs/protocol.md says', async () => {
  const { post, got } = await desk()
  const { status, headers, json } = await post({ 'dropr-nonce': 'n'.repeat(16) })
  expect(status).toBe(200)
  expect(headers['content-type']).toBe(`${ANSWER_TYPE}; charset=utf-8`)
  expect(json).toEqual({ stream: '5'.repeat(32), nonce: 'n'.repeat(16), next: 1, refused: [] })
  expect(got[0]).toMatchObject({ node: 'berlin', channel: 'größe/🚚?', whole: true })
})

test('an address that is taken is named', async () => {
  const { port } = await desk()
  const other = new HttpServer({
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    limits: limitsFrom({}),
    rules: { hosts: new Set(), accepted: new Map() },
    receive: () => Promise.reject(new Error('never')),
    health: () => ({})
  })
  const listening = other.listen({ host: '127.0.0.1', port })
  await expect(listening).rejects.toMatchObject({ code: 'CONFIG_BAD', message: expect.stringContaining(String(port)) })
  await other.close({ withinMs: 0 })
})

test('of a body whose sender goes away, what came is received as cut', async () => {
  let received: (upload: UploadRequest) => void
  const cut = new Promise<UploadRequest>(resolve => (received = resolve))
  const { port } = await desk({
    receive: upload => {
      received(upload)
      return Promise.reject(new DroprError('REQUEST_BAD', 'cut'))
    }
  })
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  await new Promise<void>(sent => socket.write(`${head('content-length: 1000\r\n')}half`, () => sent()))
  await new Promise(resolve => setImmediate(resolve))
  socket.destroy()
  expect(await cut).toMatchObject({ whole: false, entries: Buffer.from('half') })
})

test('SEC-13: of a body that stops moving, or moves too slowly, what came is received as cut', async () => {
  for (const trickle of [false, true]) {
    const { port, got } = await desk({
      limits: { stallMsMax: 100, answerMsMax: trickle ? 10_000 : 100, bodyBytesPerSecondMin: 1_000_000 }
    })
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => undefined)
    socket.resume()
    socket.write(`${head('content-length: 1000000\r\n')}half`)
    const timer = trickle ? setInterval(() => socket.write('x'), 20) : undefined
    await once(socket, 'close')
    clearInterval(timer)
    await expect.poll(() => got.length).toBe(1)
    expect(got[0]!.whole).toBe(false)
    expect(got[0]!.entries.subarray(0, 4).toString()).toBe('half')
  }
})

test('a sender whose body comes slowly is told once a second that it does', async () => {
  const { port } = await desk()
  const socket = connect(port, '127.0.0.1')
  let answer = ''
  socket.on('data', chunk => {
    answer += chunk.toString()
  })
  socket.on('error', () => undefined)
  socket.write(head('content-length: 40\r\nconnection: close\r\n'))
  const timer = setInterval(() => socket.write('x'), 50)
  await once(socket, 'close')
  clearInterval(timer)
  expect(answer).toMatch(/^(?:HTTP\/1.1 102 Processing\r\n\r\n){1,2}HTTP\/1.1 200 /)
})

test('an upload in hand is finished when the server closes, and cut when it takes too long', async () => {
  let finish: () => void = () => undefined
  let arrived: () => void = () => undefined
  const receive: ReceiveUpload = async upload => {
    arrived()
    await new Promise<void>(resolve => (finish = resolve))
    return { stream: upload.stream, nonce: upload.nonce, next: 1, refused: [] }
  }
  const first = await desk({ receive })
  let there = new Promise<void>(resolve => (arrived = resolve))
  const upload = first.post()
  await there
  const closed = first.server.close({ withinMs: 10_000 })
  finish()
  expect(await upload).toMatchObject({ status: 200 })
  await closed
  await expect(first.post()).rejects.toThrow()

  const second = await desk({ receive })
  there = new Promise<void>(resolve => (arrived = resolve))
  const lost = second.post().catch((error: unknown) => error)
  await there
  await second.server.close({ withinMs: 10 })
  expect(await lost).toBeInstanceOf(Error)
  finish()
})
