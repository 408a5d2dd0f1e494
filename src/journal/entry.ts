import { crc32 } from 'node:zlib'
import { BODY_KINDS, type Draft, type Stored } from '../message.ts'
import {
  attributesAt,
  attributesFrom,
  attributesText,
  attributesWant,
  hasAttributes,
  NO_ATTRIBUTES
} from './attributes.ts'
import { blobFault, decodeBlob } from './blob-entry.ts'
import { DUE_BYTES_MIN, dueEndAt, readDue, writeDue } from './due.ts'
import { FLAG } from './entry-flags.ts'
import { type Ids, uuidText } from './ids.ts'

/*
 * An entry: the bytes that lie on disk, travel and land, unchanged. Little endian; u48 = 6 bytes.
 *
 *   every entry     0 u32 length of the whole   4 u32 CRC-32 of bytes 8..length   8 u8 kind   9 u8 flags
 *   message (1)    10 u48 sentAt, ms            16 id: 16 bytes, or (flag 4) u8 count + UTF-8
 *                   .. u48 expiresAt (flag 16)   .. due (flag 64): u48 ms, u8 priority, u8 count + to, u8 count + channel
 *                   .. u32 count + JSON attributes (flag 32)   .. body to the end
 *   mark (2)       10 u16 zero                  12 JSON
 *   hole (3)       10 u16 zero                  12 JSON: why this position holds no message
 *   table (4)      10 u16 zero                  12 bytes: an index of the entries before it (schedule/)
 *
 * Message flags: bits 0-1 kind of body (0 bytes, 1 text, 2 JSON, 3 in a file: blob-entry.ts), 4 id is text, 8 id is remembered, 16 expires, 32 attributes,
 * 64 due (only in schedule/).
 */
export const MESSAGE = 1
export const MARK = 2
export const HOLE = 3
export const TABLE = 4
export const ENTRY_BYTES_MIN = 12
const NOTE_AT = 12
const MESSAGE_BYTES_MIN = 32
const ID_BYTES_MAX = 255
const NOTHING = Buffer.alloc(0)

/** The most bytes that `encodeMessage` may need for this draft. */
export function messageBytesMost(draft: Draft): number {
  const body = typeof draft.body === 'string' ? draft.body.length * 3 : draft.body.length
  const id = draft.id === undefined ? 16 : 1 + draft.id.length * 3
  const due = draft.due === undefined ? 0 : DUE_BYTES_MIN + (draft.due.to.length + draft.due.channel.length) * 3
  return 26 + id + due + body + (hasAttributes(draft) ? attributesText(draft).length * 3 + 4 : 0)
}

/** Writes one message. Returns where it ends; its id, when the draft had none, is the one that `ids.next()` gave last. */
export function encodeMessage(draft: Draft, ids: Ids, into: Buffer, at: number): number {
  let flags = draft.blob === true ? FLAG.bodyKind : draft.kind === 'text' ? 1 : draft.kind === 'json' ? 2 : 0
  let end = at + 16
  if (draft.id === undefined) {
    ids.writeLast(into, end)
    end += 16
  } else {
    const bytes = into.write(draft.id, end + 1)
    into[end] = bytes
    end += 1 + bytes
    flags |= FLAG.idText | FLAG.remembered
  }
  if (draft.expiresAt !== undefined) {
    flags |= FLAG.expires
    end = into.writeUIntLE(draft.expiresAt, end, 6)
  }
  if (draft.due !== undefined) {
    flags |= FLAG.due
    end = writeDue(draft.due, into, end)
  }
  if (hasAttributes(draft)) {
    flags |= FLAG.attributes
    const bytes = into.write(attributesText(draft), end + 4)
    end = into.writeUInt32LE(bytes, end) + bytes
  }
  if (typeof draft.body === 'string') end += into.write(draft.body, end)
  else {
    into.set(draft.body, end)
    end += draft.body.length
  }
  into.writeUIntLE(draft.sentAt, at + 10, 6)
  return finishEntry(into, at, end, MESSAGE, flags)
}

/** The message at `at`, whose CRC and shape were checked when it was read. */
export function decodeMessage(bytes: Buffer, at: number): Stored {
  const flags = bytes[at + 9]!
  const end = at + entryBytes(bytes, at)
  const idEnd = at + (flags & FLAG.idText ? 17 + bytes[at + 16]! : 32)
  const dueAt = idEnd + (flags & FLAG.expires ? 6 : 0)
  const dueEnd = flags & FLAG.due ? dueEndAt(bytes, dueAt) : dueAt
  let bodyAt = dueEnd
  let attributes = NO_ATTRIBUTES
  if (flags & FLAG.attributes) {
    bodyAt += 4 + bytes.readUInt32LE(dueEnd)
    attributes = attributesAt(bytes, dueEnd)
  }
  const stored: Stored = {
    id: flags & FLAG.idText ? bytes.toString('utf8', at + 17, idEnd) : uuidText(bytes, at + 16),
    remembered: (flags & FLAG.remembered) !== 0,
    sentAt: bytes.readUIntLE(at + 10, 6),
    expiresAt: flags & FLAG.expires ? bytes.readUIntLE(idEnd, 6) : undefined,
    headers: attributes.headers,
    kind: BODY_KINDS[flags & FLAG.bodyKind]!,
    body: bytes.subarray(bodyAt, end)
  }
  if (attributes.key !== undefined) stored.key = attributes.key
  if (flags & FLAG.due) stored.due = readDue(bytes, dueAt)
  if ((flags & FLAG.bodyKind) === FLAG.bodyKind) {
    const { kind, ...blob } = decodeBlob(stored.body)
    Object.assign(stored, { kind, blob })
    stored.body = NOTHING
  }
  if (flags & FLAG.attributes && attributesWant(bytes, dueEnd)) stored.receipt = true
  return stored
}

/** The id of the message at `at`, and nothing else of it. */
export function messageId(bytes: Buffer, at: number): string {
  return bytes[at + 9]! & FLAG.idText
    ? bytes.toString('utf8', at + 17, at + 17 + bytes[at + 16]!)
    : uuidText(bytes, at + 16)
}

/** What can be said of an entry without decoding it. */
export function messageFlags(
  bytes: Buffer,
  at: number
): { kind: number; remembered: boolean; expiresAt: number | undefined } {
  const flags = bytes[at + 9]!
  const expiresAt =
    flags & FLAG.expires ? bytes.readUIntLE(at + (flags & FLAG.idText ? 17 + bytes[at + 16]! : 32), 6) : undefined
  return { kind: bytes[at + 8]!, remembered: (flags & FLAG.remembered) !== 0, expiresAt }
}

export function entryBytes(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at)
}

/** Whether the entry in [at, at + length) holds what it should besides its CRC: nothing below can throw on it afterwards. */
export function entryFault(bytes: Buffer, at: number): string | undefined {
  const end = at + entryBytes(bytes, at)
  const kind = bytes[at + 8]!
  if (kind === MARK || kind === HOLE || kind === TABLE) return undefined
  if (kind !== MESSAGE) return `unknown kind ${kind}`
  const flags = bytes[at + 9]!
  if (flags & ~FLAG.known) return `unknown flags ${flags}`
  if (at + 17 > end) return 'no room for an id'
  let next = at + (flags & FLAG.idText ? 17 + bytes[at + 16]! : MESSAGE_BYTES_MIN)
  if (flags & FLAG.idText && bytes[at + 16] === 0) return 'an empty id'
  if (flags & FLAG.expires) next += 6
  if (flags & FLAG.due) {
    if (next + DUE_BYTES_MIN > end || dueEndAt(bytes, next) > end) return 'no room for when it is due'
    next = dueEndAt(bytes, next)
  }
  if (flags & FLAG.attributes) {
    if (next + 4 > end) return 'no room for attributes'
    const attributesAt = next + 4
    next = attributesAt + bytes.readUInt32LE(next)
    if (next <= end && attributesFrom(bytes.toString('utf8', attributesAt, next)) === undefined)
      return 'attributes are not an object of texts'
  }
  if (next > end) return 'shorter than its parts'
  return (flags & FLAG.bodyKind) === FLAG.bodyKind ? blobFault(bytes, next, end) : undefined
}

/** A mark: what became of messages. Small JSON, one for many messages. */
export function encodeMark(mark: object): Buffer {
  return encodeNote(MARK, mark)
}

/** Keeps the position of a message that this node refused or already had. */
export function encodeHole(hole: { code: string; id?: string; detail?: string }): Buffer {
  return encodeNote(HOLE, hole)
}

/** The JSON of a mark or hole. Undefined when it is none that this version can read. */
export function decodeNote(bytes: Buffer, at: number): unknown {
  try {
    return JSON.parse(bytes.toString('utf8', at + NOTE_AT, at + entryBytes(bytes, at)))
  } catch {
    return undefined
  }
}

/** An index of the entries before it. */
export function encodeTable(bytes: Buffer): Buffer {
  const into = Buffer.alloc(NOTE_AT + bytes.length)
  bytes.copy(into, NOTE_AT)
  finishEntry(into, 0, into.length, TABLE, 0)
  return into
}

/** The bytes of a table that begins at `at`; undefined when what lies there is none, or is damaged. */
export function decodeTable(bytes: Buffer, at = 0): Buffer | undefined {
  if (at + NOTE_AT > bytes.length || bytes[at + 8] !== TABLE || !isWholeEntry(bytes, at)) return undefined
  return bytes.subarray(at + NOTE_AT, at + entryBytes(bytes, at))
}

/** Whether a whole entry lies at `at`, by length and CRC. */
export function isWholeEntry(bytes: Buffer, at: number): boolean {
  if (at + ENTRY_BYTES_MIN > bytes.length) return false
  const end = at + entryBytes(bytes, at)
  if (end < at + ENTRY_BYTES_MIN || end > bytes.length) return false
  return crc32(bytes.subarray(at + 8, end)) === bytes.readUInt32LE(at + 4)
}

function encodeNote(kind: number, note: object): Buffer {
  const json = JSON.stringify(note)
  // From Buffer's pool, without zeros: it is copied into its commit at once, or written and gone.
  const into = Buffer.allocUnsafe(NOTE_AT + Buffer.byteLength(json))
  into[10] = into[11] = 0
  into.write(json, NOTE_AT)
  finishEntry(into, 0, into.length, kind, 0)
  return into
}

/** Writes what stands before every entry. Returns its end. */
export function finishEntry(into: Buffer, at: number, end: number, kind: number, flags: number): number {
  into[at + 8] = kind
  into[at + 9] = flags
  into.writeUInt32LE(end - at, at)
  // A plain view: `subarray` of a Buffer costs half as much again.
  into.writeUInt32LE(crc32(new Uint8Array(into.buffer, into.byteOffset + at + 8, end - at - 8)), at + 4)
  return end
}

export function idBytesFault(id: string): string | undefined {
  const bytes = Buffer.byteLength(id)
  return bytes < 1 || bytes > ID_BYTES_MAX ? `id must be 1 to ${ID_BYTES_MAX} UTF-8 bytes, got ${bytes}` : undefined
}
