import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checkEntries } from '../../src/journal/check-entries.ts'
import {
  decodeMessage,
  decodeNote,
  encodeHole,
  encodeMark,
  encodeMessage,
  entryFault,
  messageBytesMost,
  messageFlags
} from '../../src/journal/entry.ts'
import { Ids } from '../../src/journal/ids.ts'
import type { Draft } from '../../src/message.ts'
import { SimClock, SimRandom } from '../../src/system/sim/index.ts'
import { codePoint } from '../code-point.ts'

const ids = new Ids(new SimClock(), new SimRandom(1))
const LIMITS = { entryBytesMax: 1_000_000, messagesOnly: true }

function encode(draft: Draft): Buffer {
  const into = Buffer.alloc(messageBytesMost(draft))
  return into.subarray(0, encodeMessage(draft, ids, into, 0))
}

const drafts = fc.record({
  id: fc.option(fc.string({ unit: codePoint, minLength: 1, maxLength: 40 }), { nil: undefined }),
  sentAt: fc.integer({ min: 0, max: 253_402_300_799_999 }),
  expiresAt: fc.option(fc.integer({ min: 0, max: 253_402_300_799_999 }), { nil: undefined }),
  headers: fc.option(fc.dictionary(fc.string(), fc.string({ unit: codePoint })), { nil: undefined }),
  kind: fc.constantFrom('bytes', 'text', 'json'),
  body: fc.oneof(fc.string({ unit: codePoint }), fc.uint8Array({ maxLength: 2_000 }))
}) as fc.Arbitrary<Draft>

test('what is encoded comes back as it was, whatever ids, headers and bodies hold', () => {
  fc.assert(
    fc.property(drafts, draft => {
      const bytes = encode(draft)
      expect(checkEntries(bytes, LIMITS)).toMatchObject({ count: 1, bad: undefined, end: bytes.length })
      const message = decodeMessage(bytes, 0)
      expect(message).toMatchObject({
        sentAt: draft.sentAt,
        expiresAt: draft.expiresAt,
        kind: draft.kind,
        remembered: draft.id !== undefined
      })
      if (draft.id !== undefined) expect(message.id).toBe(Buffer.from(draft.id).toString())
      expect(Object.entries(message.headers)).toEqual(Object.entries(draft.headers ?? {}))
      expect(Object.getPrototypeOf(message.headers)).toBeNull()
      expect(message.body.equals(Buffer.from(draft.body as Uint8Array))).toBe(true)
      expect(messageFlags(bytes, 0)).toEqual({
        kind: 1,
        remembered: draft.id !== undefined,
        expiresAt: draft.expiresAt
      })
    })
  )
})

test('a message without an id takes the next UUIDv7', () => {
  const bytes = encode({ kind: 'text', body: 'x', sentAt: 1 })
  expect(decodeMessage(bytes, 0).id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
})

test('every flipped bit of an entry is found', () => {
  const bytes = encode({ kind: 'text', body: 'hello', sentAt: 1, id: 'order-7', headers: { a: 'b' } })
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const damaged = Buffer.from(bytes)
    damaged[bit >> 3]! ^= 1 << (bit & 7)
    expect(checkEntries(damaged, LIMITS).bad, `bit ${bit}`).toBeDefined()
  }
})

test('entries are taken up to where the bytes are cut', () => {
  const one = encode({ kind: 'text', body: 'one', sentAt: 1 })
  const two = encode({ kind: 'bytes', body: Buffer.from('two'), sentAt: 1 })
  const both = Buffer.concat([one, two])
  for (let cut = 0; cut <= both.length; cut++) {
    const { count, end, bad } = checkEntries(both.subarray(0, cut), LIMITS)
    expect(count).toBe(cut < one.length ? 0 : cut < both.length ? 1 : 2)
    expect(end).toBe([0, one.length, both.length][count])
    expect(bad).toBe(cut === end ? undefined : 'torn')
  }
})

test('a length of 4 GiB, of zero or of less than a header is refused without looking beyond the bytes', () => {
  for (const length of [0xffffffff, 0, 8, 11]) {
    const bytes = encode({ kind: 'text', body: 'x', sentAt: 1 })
    bytes.writeUInt32LE(length, 0)
    expect(checkEntries(bytes, LIMITS)).toMatchObject({ count: 0, bad: 'torn' })
  }
})

test('an entry above the limit is named too large, and its length can be believed', () => {
  const bytes = encode({ kind: 'bytes', body: Buffer.alloc(200), sentAt: 1 })
  expect(checkEntries(bytes, { entryBytesMax: 199, messagesOnly: true })).toMatchObject({
    count: 0,
    bad: 'too large',
    end: 0
  })
})

test('marks and holes are not believed from a peer, and read back at home', () => {
  const mark = encodeMark({ m: 'done' })
  const hole = encodeHole({ code: 'MESSAGE_TOO_LARGE', id: 'x' })
  expect(checkEntries(mark, LIMITS).bad).toBe('malformed')
  expect(checkEntries(Buffer.concat([mark, hole]), { ...LIMITS, messagesOnly: false }).count).toBe(2)
  expect(decodeNote(mark, 0)).toEqual({ m: 'done' })
  expect(decodeNote(hole, 0)).toEqual({ code: 'MESSAGE_TOO_LARGE', id: 'x' })
})

test('an entry whose CRC is right but whose parts are not is malformed, never a crash', () => {
  fc.assert(
    fc.property(drafts, fc.integer({ min: 8, max: 60 }), fc.integer({ min: 0, max: 255 }), (draft, at, value) => {
      const bytes = encode(draft)
      if (at < bytes.length) bytes[at] = value
      if (entryFault(bytes, 0) === undefined && bytes[8] === 1) decodeMessage(bytes, 0)
    })
  )
})
