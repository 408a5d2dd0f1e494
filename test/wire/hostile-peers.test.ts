import type { Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterEach, expect, test } from 'vitest'
import { ANSWER_TYPE, type UploadRequest } from '../../src/wire/upload.ts'
import {
  answered,
  closeAll,
  goodAnswer,
  httpOf,
  httpPeer,
  peerAt,
  rawPeer,
  transportWith,
  trickle
} from './raw-peers.ts'
import { never, STREAM, uploadOf } from './transport-suite.ts'

afterEach(closeAll)

/** 30 MB in 30 kB. */
const BOMB = gzipSync(Buffer.alloc(30_000_000))

test('a good answer is one', async () => {
  expect(await answered(request => httpOf(goodAnswer(request)))).toMatchObject({ next: 5 })
})

test.each<[string, (request: UploadRequest) => Buffer]>([
  ['a 200 of a portal', () => httpOf('<html>Please log in', '200 OK', 'text/html')],
  ['a 200 of a portal that says JSON', request => httpOf(goodAnswer(request), '200 OK', 'application/json')],
  ['a 200 without a type', () => Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n')],
  ['a 204', () => Buffer.from('HTTP/1.1 204 No Content\r\n\r\n')],
  ['a 206', request => httpOf(goodAnswer(request), '206 Partial Content')],
  ['a 301', request => httpOf(goodAnswer(request), '301 Moved', ANSWER_TYPE, 'location: /v1/upload\r\n')],
  ['a 302', request => httpOf(goodAnswer(request), '302 Found', ANSWER_TYPE, 'location: /v1/upload\r\n')],
  ['a 307', request => httpOf(goodAnswer(request), '307 Temporary', ANSWER_TYPE, 'location: /v1/upload\r\n')],
  ['another nonce', request => httpOf(goodAnswer(request, { nonce: 'x'.repeat(20) }))],
  ['another stream', request => httpOf(goodAnswer(request, { stream: '6'.repeat(32) }))],
  ['no nonce', request => httpOf(goodAnswer(request, { nonce: undefined }))],
  ['a next that is none', request => httpOf(goodAnswer(request, { next: -1 }))],
  ['a next that is text', request => httpOf(goodAnswer(request, { next: '5' }))],
  ['a next beyond numbers', request => httpOf(goodAnswer(request).replace('5,', '1e400,'))],
  [
    'a refusal above next',
    request => httpOf(goodAnswer(request, { refused: [{ at: 5, id: '', code: 'X', detail: '' }] }))
  ],
  ['refusals that are none', request => httpOf(goodAnswer(request, { refused: [null] }))],
  ['an empty body', () => httpOf('')],
  ['a null', () => httpOf('null')],
  ['200,000 brackets', () => httpOf('['.repeat(200_000))],
  ['a poisoned object', request => httpOf(goodAnswer(request).replace('{', '{"__proto__":{},'))],
  [
    'a packed answer',
    request => httpOf(gzipSync(goodAnswer(request)), '200 OK', ANSWER_TYPE, 'content-encoding: gzip\r\n')
  ],
  ['a gzip bomb', () => httpOf(BOMB, '200 OK', ANSWER_TYPE, 'content-encoding: gzip\r\n')],
  ['an answer of 2 MiB', () => httpOf(Buffer.alloc(2_097_152, 32))],
  ['what is not HTTP', () => Buffer.from('SSH-2.0-OpenSSH_9.6\r\n')],
  ['two lengths', () => Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nx')]
])('H16 NET-7 SEC-12: %s is no acknowledgement', async (_, answer) => {
  expect(await answered(answer)).toMatchObject({ name: 'UploadFailure', code: 'PEER_PROTOCOL', error: { retry: true } })
})

test('a 200 cut at any byte is no acknowledgement', async () => {
  const whole = httpOf(goodAnswer(uploadOf()))
  for (let cut = 1; cut < whole.length; cut += 7) {
    const answer = (request: UploadRequest) => httpOf(goodAnswer(request)).subarray(0, cut)
    expect(await answered(answer, true)).toMatchObject({ name: 'UploadFailure', error: { retry: true } })
  }
})

test('a 200 that ends with its connection, without a length, counts only when its JSON is whole', async () => {
  const answer = (cut: number) => (request: UploadRequest) =>
    Buffer.from(`HTTP/1.1 200 OK\r\ncontent-type: ${ANSWER_TYPE}\r\n\r\n${goodAnswer(request).slice(0, cut)}`)
  expect(await answered(answer(1_000), true)).toMatchObject({ next: 5 })
  expect(await answered(answer(-1), true)).toMatchObject({ code: 'PEER_PROTOCOL' })
})

test('a refusal with a code that is not known here is a refusal all the same', async () => {
  const refused = [{ at: 1, id: 'i', code: 'FROM_THE_FUTURE', detail: 'why' }]
  expect(await answered(request => httpOf(goodAnswer(request, { refused })))).toMatchObject({
    refused: [{ at: 1, code: 'MESSAGE_MALFORMED', detail: 'FROM_THE_FUTURE: why' }]
  })
})

test.each<[string, (socket: Socket) => void]>([
  ['accepts and never answers', () => undefined],
  [
    'sends a head and no body',
    socket => socket.write(`HTTP/1.1 200 OK\r\ncontent-type: ${ANSWER_TYPE}\r\ncontent-length: 9\r\n\r\n`)
  ],
  ['answers one byte at a time', socket => trickle(socket, 'HTTP/1.1 200 OK\r\nx: ')],
  [
    'sends the body one byte at a time',
    socket => trickle(socket, `HTTP/1.1 200 OK\r\ncontent-type: ${ANSWER_TYPE}\r\n\r\n`)
  ],
  ['says "processing" for ever', socket => trickle(socket, '', 'HTTP/1.1 102 Processing\r\n\r\n')],
  [
    'says "continue" for ever',
    socket => trickle(socket, 'HTTP/1.1 100 Continue\r\n\r\n', 'HTTP/1.1 100 Continue\r\n\r\n')
  ]
])('NET-6: a peer that %s is cut in bounded time, and others are not held up', async (_, serve) => {
  const bad = await rawPeer(socket => socket.once('data', () => serve(socket)))
  const good = await httpPeer((request, response) => {
    response.setHeader('content-type', ANSWER_TYPE)
    response.end(JSON.stringify({ stream: STREAM, nonce: request.headers['dropr-nonce'], next: 1, refused: [] }))
  })
  const transport = transportWith()
  const began = performance.now()
  const late = Promise.allSettled(
    Array.from({ length: 8 }, () => transport.upload({ name: 'bad', url: peerAt(bad).url }, uploadOf(), never))
  )
  for (let i = 0; i < 20; i++) await transport.upload(peerAt(good), uploadOf(), never)
  expect(performance.now() - began).toBeLessThan(1_000)
  const codes = (await late).map(result => (result.status === 'rejected' ? result.reason.code : 'taken'))
  expect(codes.every(code => code === 'PEER_TIMEOUT' || code === 'PEER_PROTOCOL')).toBe(true)
  expect(performance.now() - began).toBeLessThan(3_000)
})

test.each([
  [429, 'SERVER_BUSY'],
  [503, 'SERVER_BUSY'],
  [507, 'DISK_FULL'],
  [401, 'PEER_FORBIDDEN'],
  [403, 'PEER_FORBIDDEN'],
  [408, 'PEER_TIMEOUT'],
  [504, 'PEER_TIMEOUT'],
  [502, 'PEER_UNREACHABLE'],
  [404, 'PEER_PROTOCOL'],
  [413, 'PEER_PROTOCOL'],
  [500, 'PEER_PROTOCOL']
])('a bare %i of a proxy is %s, to be tried again', async (status, code) => {
  const failure = await answered(() => httpOf('no', `${status} No`, 'text/plain'))
  expect(failure).toMatchObject({ code, error: { retry: true } })
})

test.each([
  ['7', 7_000],
  ['0', 0],
  [' 3 ', 3_000],
  ['99999999999', 60_000],
  [new Date(Date.now() + 315_360_000_000).toUTCString(), 60_000],
  ['Thu, 01 Jan 1970 00:00:00 GMT', 0],
  ['soon', undefined]
])('Retry-After %s waits %s ms', async (retryAfter, ms) => {
  const failure = await answered(() => httpOf('no', '503 Busy', 'text/plain', `retry-after: ${retryAfter}\r\n`))
  expect((failure as { retryAfterMs?: number }).retryAfterMs).toBe(ms)
})
