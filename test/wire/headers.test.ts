import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DroprError } from '../../src/errors.ts'
import { decodeUpload, encodeUpload, HEADER } from '../../src/wire/headers.ts'
import { checkUpload, REMOVED_MAX, SKIP_REASONS, UPLOAD_BYTES_MAX, type UploadRequest } from '../../src/wire/upload.ts'
import { uploadOf } from './transport-suite.ts'

const position = fc.integer({ min: 0, max: 2 ** 47 })
const hex = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'.split('')), minLength: 32, maxLength: 32 })

test('an upload comes back from its headers as it was, and they are plain ASCII', () => {
  fc.assert(
    fc.property(
      hex,
      hex,
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
      position,
      position,
      fc.integer({ min: 0, max: 9 }),
      fc.option(fc.constantFrom(...SKIP_REASONS), { nil: undefined }),
      fc.array(hex, { maxLength: REMOVED_MAX }),
      (origin, stream, channel, from, settled, priority, reason, removed) => {
        const entries = reason ? Buffer.alloc(0) : Buffer.from('x')
        const request: UploadRequest = { ...uploadOf({ origin, stream, channel, from, settled, priority }), entries }
        if (removed.length > 0) request.removed = removed
        if (reason) request.skip = { from, to: from + 1, reason }
        const headers = encodeUpload(request)
        for (const value of Object.values(headers)) expect(value).toMatch(/^[\x20-\x7e]*$/)
        expect(decodeUpload(headers, { bytes: entries, whole: true })).toEqual(request)
      }
    )
  )
})

test.each(['1-2', '1-2 why', '2 1-2 gone', '-1-2 gone', '1-2  gone', ''])('the skip %j is refused', skip => {
  const headers = { ...encodeUpload(uploadOf()), [HEADER.skip]: skip }
  expect(() => decodeUpload(headers, { bytes: Buffer.alloc(0), whole: true })).toThrow(DroprError)
})

test.each<[string, Partial<UploadRequest>]>([
  ['origin', { origin: 'A'.repeat(32) }],
  ['removed', { removed: [''] }],
  ['removed', { removed: Array.from({ length: REMOVED_MAX + 1 }, () => 'a'.repeat(32)) }],
  ['stream', { stream: '../../../../../../../../../../etc' }],
  ['nonce', { nonce: 'short' }],
  ['node', { node: '../x' }],
  ['channel', { channel: 'a\r\nb' }],
  ['priority', { priority: 10 }],
  ['priority', { priority: 4.5 }],
  ['from', { from: 2 ** 48 }],
  ['settled', { settled: Number.NaN }],
  ['entries', { entries: Buffer.alloc(0) }],
  ['skip', { skip: { from: 0, to: 1, reason: 'gone' } }],
  ['skip', { entries: Buffer.alloc(0), skip: { from: 1, to: 2, reason: 'gone' } }],
  ['skip', { entries: Buffer.alloc(0), skip: { from: 0, to: 0, reason: 'gone' } }],
  ['skip', { entries: Buffer.alloc(0), skip: { from: 0, to: 1, reason: 'why' as 'gone' } }]
])('an upload with a bad %s is refused by name', (field, changes) => {
  expect(() => checkUpload(uploadOf(changes))).toThrow(expect.objectContaining({ code: 'REQUEST_BAD' }))
  expect(() => checkUpload(uploadOf(changes))).toThrow(field)
})

test('any range and any message that limits allow fits an upload', () => {
  expect(UPLOAD_BYTES_MAX).toBeGreaterThan(16_777_216 + 6 * 65_535 + 1_024)
})
