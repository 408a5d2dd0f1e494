import { afterEach, expect, test } from 'vitest'
import { encodeUpload } from '../../src/wire/headers.ts'
import type { UploadRequest } from '../../src/wire/upload.ts'
import { uploadOf } from '../wire/transport-suite.ts'
import { closeAll, desk, raw } from './http-desk.ts'

afterEach(closeAll)

const BLOB = { at: 0, total: 1_000, sha256: 'ab'.repeat(32) }

function head(bytes: number, changes: Record<string, string | undefined> = {}): string {
  const given = { ...encodeUpload(uploadOf({ blob: BLOB })), ...changes }
  const headers = Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : `${name}: ${value}\r\n`))
  const type = 'content-type: application/octet-stream\r\n'
  return `POST /v1/blob HTTP/1.1\r\nhost: localhost\r\n${type}${headers.join('')}content-length: ${bytes}\r\n\r\n`
}

test('of a piece that is cut on the way, what came is handed on', async () => {
  const got: UploadRequest[] = []
  const { port } = await desk({
    receive: async request => {
      got.push(request)
      return { stream: request.stream, nonce: request.nonce, next: 0, refused: [] }
    },
    limits: { stallMsMax: 200, answerMsMax: 200 }
  })
  await raw(port, Buffer.concat([Buffer.from(head(1_000)), Buffer.alloc(300, 'x')]))
  await expect.poll(() => got.length, { timeout: 5_000 }).toBe(1)
  expect(got[0]).toMatchObject({ blob: BLOB, whole: false })
  expect(got[0]!.entries.equals(Buffer.alloc(300, 'x'))).toBe(true)
})

test('without the header that says what it is a part of, or with a body too long for a piece, it is refused', async () => {
  const { port, got } = await desk()
  for (const [bytes, changes, status] of [
    [10, { 'dropr-blob': undefined }, 400],
    [10, { 'dropr-blob': '0/10 ../../x' }, 400],
    [20_000_000, {}, 413]
  ] as const) {
    const answer = await raw(
      port,
      `${head(bytes, changes).replace('host:', 'connection: close\r\nhost:')}${'x'.repeat(10)}`
    )
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect(answer).toContain('REQUEST_BAD')
  }
  expect(got).toEqual([])
})

test('while what was there is read, its sender is told that something is being done', async () => {
  const { port } = await desk({
    receive: async ({ stream, nonce, progress }) => {
      progress?.()
      return { stream, nonce, next: 0, refused: [], blob: { have: 0, state: 'more' } }
    }
  })
  const answer = await raw(port, head(0).replace('host:', 'connection: close\r\nhost:'))
  expect(answer).toMatch(/^HTTP\/1.1 102 Processing\r\n\r\nHTTP\/1.1 200 /)
})
