import { crc32 } from 'node:zlib'
import type { ErrorCode } from '../errors.ts'
import { attributesBytes } from '../journal/attributes.ts'
import { type CheckedEntries, checkEntries } from '../journal/check-entries.ts'
import { decodeMessage, entryBytes, entryFault, MESSAGE } from '../journal/entry.ts'
import type { Limits } from '../limits.ts'
import type { Refusal } from './arriving.ts'

/** What can be taken of the bytes of an upload. */
export interface CheckedRange {
  /** Where each position's entry begins; one more than positions, the last is where they end. */
  offsets: Uint32Array
  count: number
  /** Positions that are taken without their message, ascending. */
  refused: Refusal[]
  /**
   * Why the rest is not taken. `torn`: it is no whole entry. `crc`: its bytes were damaged on the way, or before.
   * `many`: enough has been refused for one range. Undefined: all is taken.
   */
  stop: 'torn' | 'crc' | 'many' | undefined
  detail: string | undefined
  /** With `crc`: a number that the same damage gives again. */
  damage: number | undefined
}

type RangeLimits = Pick<Limits, 'messageBytesMax' | 'headerBytesMax' | 'headersMax'>

/** Each refusal is some bytes on disk and in answers, and costs its sender as little as 12. */
const REFUSED_MAX = 1_000

/** Id, times, flags, and what JSON puts around headers. */
const ENTRY_EXTRA_BYTES = 1_024
/** What dropr itself may add to the headers of a message: when it was due, whom it answers. */
const OWN_HEADERS = 8
const OWN_HEADER_BYTES = 1_024
/** `"":"",`: what a header takes at least. */
const HEADER_JSON_BYTES = 6
/** How JSON may lengthen a byte of a header (`\u0001`). */
const JSON_FACTOR = 6

/**
 * Checks the entries of an upload whose first has position `from`.
 *
 * A message that can never be taken (too large, malformed, not a message) is refused, and the others of the range are
 * taken. Damaged bytes are another matter: sent again they may be good, so the range ends before them, unless `again` says
 * that the same damage came before, which means that it is the sender's own.
 */
export function checkRange(
  bytes: Buffer,
  from: number,
  limits: RangeLimits,
  again: (at: number, damage: number) => boolean = () => false
): CheckedRange {
  const entryLimits = {
    entryBytesMax: limits.messageBytesMax + limits.headerBytesMax * JSON_FACTOR + ENTRY_EXTRA_BYTES,
    messagesOnly: true
  }
  const refused: Refusal[] = []
  let checked = checkEntries(bytes, entryLimits)
  // Nearly always the end of it: one pass, no copies.
  if (checked.bad === undefined) {
    refuseBeyond(bytes, checked.offsets, from, limits, refused)
    return {
      offsets: checked.offsets,
      count: checked.count,
      refused,
      stop: undefined,
      detail: undefined,
      damage: undefined
    }
  }
  const starts: number[] = []
  let stop: CheckedRange['stop']
  let damage: number | undefined
  for (;;) {
    for (let i = 0; i < checked.count; i++) starts.push(checked.offsets[i]!)
    const { bad, end } = checked
    if (bad === undefined) break
    if (bad === 'torn') stop = 'torn'
    else {
      damage = bad === 'crc' ? damageAt(bytes, end) : undefined
      if (damage !== undefined && !again(from + starts.length, damage)) stop = 'crc'
      else if (refused.length >= REFUSED_MAX) stop = 'many'
    }
    if (stop !== undefined) break
    refused.push(refusalOf(bytes, checked, from + starts.length))
    starts.push(end)
    checked = checkEntries(bytes, entryLimits, end + entryBytes(bytes, end))
  }
  const { end, detail } = checked
  const offsets = Uint32Array.from([...starts, end])
  refuseBeyond(bytes, offsets, from, limits, refused)
  return { offsets, count: starts.length, refused, stop, detail, damage: stop === 'crc' ? damage : undefined }
}

/** The part of a checked range from its position `skip` (counted from its beginning) on. */
export function laterPart(range: { offsets: Uint32Array; refused: readonly Refusal[] }, from: number, skip: number) {
  return {
    offsets: range.offsets.map(at => at - range.offsets[skip]!).subarray(skip),
    refused: range.refused.filter(({ at }) => at >= from + skip)
  }
}

/** The limits of body and headers, exactly: entries of about that size are looked into. */
function refuseBeyond(
  bytes: Buffer,
  offsets: Uint32Array,
  from: number,
  limits: RangeLimits,
  refused: Refusal[]
): void {
  const { messageBytesMax } = limits
  const headerBytesMax = limits.headerBytesMax + OWN_HEADER_BYTES
  const headersMax = limits.headersMax + OWN_HEADERS
  const plainBytesMax = Math.min(headerBytesMax, headersMax * HEADER_JSON_BYTES)
  const known = new Set(refused.map(({ at }) => at))
  for (let i = 0; i + 1 < offsets.length; i++) {
    const at = offsets[i]!
    const isPlain = offsets[i + 1]! - at <= plainBytesMax || known.has(from + i)
    if (isPlain || (offsets[i + 1]! - at <= messageBytesMax && attributesBytes(bytes, at) <= plainBytesMax)) continue
    const { id, body, headers } = decodeMessage(bytes, at)
    const names = Object.keys(headers)
    const headerBytes = names.reduce(
      (sum, name) => sum + Buffer.byteLength(name) + Buffer.byteLength(headers[name]!),
      0
    )
    let detail: string
    if (body.length > messageBytesMax) detail = `a body of ${body.length} bytes, at most ${messageBytesMax}`
    else if (names.length > headersMax) detail = `${names.length} headers, at most ${limits.headersMax}`
    else if (headerBytes > headerBytesMax) detail = `${headerBytes} bytes of headers, at most ${limits.headerBytesMax}`
    else continue
    refused.push({ at: from + i, id, code: 'MESSAGE_TOO_LARGE', detail })
  }
  refused.sort((a, b) => a.at - b.at)
}

function refusalOf(bytes: Buffer, checked: CheckedEntries, position: number): Refusal {
  const { bad, end, detail = '' } = checked
  const code: ErrorCode = bad === 'too large' ? 'MESSAGE_TOO_LARGE' : 'MESSAGE_MALFORMED'
  const readable = bad === 'too large' && bytes[end + 8] === MESSAGE && entryFault(bytes, end) === undefined
  return { at: position, id: readable ? decodeMessage(bytes, end).id : '', code, detail }
}

function damageAt(bytes: Buffer, at: number): number {
  return crc32(bytes.subarray(at, at + entryBytes(bytes, at)))
}
