import { expect, test } from 'vitest'
import { failureOf, localFailure } from '../../src/client/failure.ts'
import { DroprError, ERRORS, type ErrorCode } from '../../src/errors.ts'
import { streamConflict, UploadFailure } from '../../src/wire/upload-failure.ts'

test('"no answer" is the trouble of the peer, "no" that of the stream, for every code there is', () => {
  const peers = (Object.keys(ERRORS) as ErrorCode[]).filter(
    code => failureOf(new UploadFailure(new DroprError(code, 'x'))).scope === 'peer'
  )
  expect(peers.sort()).toMatchInlineSnapshot(`
    [
      "ABORTED",
      "CLOSED",
      "CONFIG_BAD",
      "OWNER_UNREACHABLE",
      "PEER_FORBIDDEN",
      "PEER_PROTOCOL",
      "PEER_TIMEOUT",
      "PEER_UNKNOWN",
      "PEER_UNREACHABLE",
      "UNEXPECTED",
    ]
  `)
})

test('what a transport says besides the code is kept: Retry-After and the position', () => {
  const busy = new UploadFailure(new DroprError('SERVER_BUSY', 'full'), { retryAfterMs: 7_000 })
  expect(failureOf(busy)).toEqual({
    code: 'SERVER_BUSY',
    text: 'full',
    scope: 'stream',
    retryAfterMs: 7_000,
    next: undefined
  })
  expect(failureOf(streamConflict(17, 'elsewhere'))).toMatchObject({
    code: 'STREAM_CONFLICT',
    scope: 'stream',
    next: 17
  })
})

test('a bug in a transport is an UNEXPECTED failure of the peer, whatever was thrown', () => {
  for (const thrown of [new Error('boom'), 'boom', undefined, null, { next: -1, retryAfterMs: 'soon' }]) {
    expect(failureOf(thrown)).toMatchObject({
      code: 'UNEXPECTED',
      scope: 'peer',
      next: undefined,
      retryAfterMs: undefined
    })
  }
})

test('trouble on our own disk delays one stream, with the code of the disk', () => {
  const full = Object.assign(new Error('no space'), { code: 'ENOSPC' })
  expect(localFailure(full, 'record')).toMatchObject({ code: 'DISK_FULL', scope: 'stream', text: 'record: no space' })
})
