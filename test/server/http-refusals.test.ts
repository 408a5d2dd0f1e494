import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { DroprError } from '../../src/errors.ts'
import { tokenDigest } from '../../src/wire/token.ts'
import { UPLOAD_BYTES_MAX } from '../../src/wire/upload.ts'
import { UploadFailure } from '../../src/wire/upload-failure.ts'
import { closeAll, desk, head, raw } from './http-desk.ts'

afterEach(closeAll)

test.each([
  ['another version', { 'dropr-version': '2' }, 400],
  ['no stream', { 'dropr-stream': undefined }, 400],
  ['no node', { 'dropr-node': undefined }, 400],
  ['a position that is none', { 'dropr-from': '-1' }, 400],
  ['a foreign Host', { host: 'evil.example' }, 421],
  ['a foreign Origin', { origin: 'http://evil.example' }, 403],
  ['a foreign page', { 'sec-fetch-site': 'cross-site' }, 403],
  ['a packed body', { 'content-encoding': 'gzip' }, 415],
  ['JSON', { 'content-type': 'application/json' }, 415],
  ['a form', { 'content-type': 'text/plain' }, 415],
  ['a content type that tries to confuse', { 'content-type': 'application/octet-stream\ta' }, 415],
  ['no content type', { 'content-type': undefined }, 415]
])('SEC-5 SEC-6: an upload with %s is refused and not received', async (_, changes, status) => {
  const { post, got } = await desk()
  const answer = await post(changes)
  expect(answer.status).toBe(status)
  expect(answer.json).toEqual({
    code: 'REQUEST_BAD',
    text: expect.any(String),
    requestId: expect.any(String),
    versions: [1]
  })
  expect(got).toEqual([])
})

test('a body above what any upload may have is refused before it is read', async () => {
  const { port } = await desk({ limits: { stallMsMax: 100 } })
  expect(await raw(port, head(`content-length: ${UPLOAD_BYTES_MAX + 1}\r\n`))).toMatch(/^HTTP\/1.1 413 /)
})

test.each([
  ['content-length and transfer-encoding together', 'content-length: 3\r\ntransfer-encoding: chunked\r\n', 400],
  ['two lengths', 'content-length: 3\r\ncontent-length: 4\r\n', 400],
  ['a length that is none', 'content-length: 3x\r\n', 400],
  ['a folded header', 'x-a: 1\r\n b\r\n', 400],
  ['a header over the limit', `x-a: ${'a'.repeat(20_000)}\r\n`, 431],
  ['a bare line feed', 'x-a: 1\n', 400],
  ['no length', 'transfer-encoding: chunked\r\nconnection: close\r\n', 411]
])('SEC-3 SEC-15: a request with %s is refused', async (_, more, status) => {
  const { port, got } = await desk({ limits: { stallMsMax: 100 } })
  const answer = await raw(port, `${head(more)}abc`)
  expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
  expect(answer).toMatch(/"code":"REQUEST_BAD"/)
  expect(answer).not.toMatch(/at |node_modules|\.ts/)
  expect(got).toEqual([])
})

test('SEC-6: what is no route is 404, a route with another method 405, and no answer allows other origins', async () => {
  const { get } = await desk()
  for (const path of ['/', '/v1', '/v1/uploads', '/v1/upload/', '/..%2f..%2fetc', '/v1//upload', '/%', '/health/x']) {
    const { status, json, headers } = await get(path, 'GET', { origin: 'http://localhost' })
    expect([path, status, json.code]).toEqual([path, path === '/%' ? 400 : 404, 'REQUEST_BAD'])
    expect(Object.keys(headers).filter(name => name.startsWith('access-control'))).toEqual([])
  }
  expect(await get('/v1/upload')).toMatchObject({ status: 405, headers: { allow: 'POST' } })
  for (const method of ['PUT', 'OPTIONS'] as const) expect(await get('/health', method)).toMatchObject({ status: 405 })
})

test('SEC-16: errors of the disk and bugs tell their code and nothing of this node', async () => {
  for (const [error, status, code] of [
    [new DroprError('DISK_FULL', 'write to /secret/x.seg'), 507, 'DISK_FULL'],
    [new Error('at /secret/file.ts'), 500, 'UNEXPECTED'],
    [Object.assign(new Error('/secret'), { statusCode: 418 }), 500, 'UNEXPECTED']
  ] as const) {
    const { post } = await desk({ receive: async () => Promise.reject(error) })
    const answer = await post()
    expect([answer.status, answer.json.code]).toEqual([status, code])
    expect(answer.text).not.toMatch(/secret|stack/)
  }
})

test('D12 D13: what is refused for now says so by its status, and a sender that is too much when to come again', async () => {
  const busy = new UploadFailure(new DroprError('SERVER_BUSY', '100 messages wait'), { status: 429 })
  const full = await desk({ receive: () => Promise.reject(new DroprError('DISK_FULL', 'no space left')) })
  expect(await full.post()).toMatchObject({ status: 507, json: { code: 'DISK_FULL' } })
  const flooded = await desk({ receive: () => Promise.reject(busy) })
  expect(await flooded.post()).toMatchObject({
    status: 429,
    json: { code: 'SERVER_BUSY' },
    headers: { 'retry-after': expect.stringMatching(/^\d+$/) }
  })
})

test('SEC-8: with accepted peers, only a token gets in, and only for its peer', async () => {
  const accept = new Map([['berlin', tokenDigest('good').toString('hex')]])
  const { post, get, got } = await desk({ accept })
  for (const authorization of [undefined, 'Bearer bad', 'Basic Z29vZA==']) {
    const { status, json } = await post({ authorization })
    expect([status, json.code]).toEqual([401, 'PEER_FORBIDDEN'])
    expect((await get('/health', 'GET', authorization ? { authorization } : {})).json).toEqual({ ok: true })
  }
  expect(await post({ authorization: 'Bearer good', 'dropr-node': 'rome' })).toMatchObject({ status: 401 })
  expect(got).toEqual([])
  expect(await post({ authorization: 'Bearer good' })).toMatchObject({ status: 200 })
  expect((await get('/health', 'GET', { authorization: 'Bearer good' })).json).toEqual({ ok: true })
})

test('a refusal reaches a sender that is still sending', async () => {
  const { post } = await desk({ accept: new Map([['berlin', tokenDigest('good').toString('hex')]]) })
  expect(await post({}, Buffer.alloc(8_000_000))).toMatchObject({ status: 401 })
})

test('SEC-4: beyond loopback nothing is listened on without accepted peers', async () => {
  const { server } = await desk()
  for (const host of ['0.0.0.0', '::', '192.0.2.1', 'tokyo.example']) {
    await expect(server.listen({ host, port: 0 })).rejects.toMatchObject({ code: 'CONFIG_BAD' })
  }
})

test('SEC-13: more connections than the limit are closed unheard', async () => {
  const { port, get } = await desk({ limits: { serverConnectionsMax: 2 } })
  const held = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')]
  await Promise.all(held.map(socket => once(socket, 'connect')))
  await expect(get('/health')).rejects.toThrow()
  for (const socket of held) socket.destroy()
  await expect
    .poll(() =>
      get('/health').then(
        ({ status }) => status,
        () => 0
      )
    )
    .toBe(200)
})
