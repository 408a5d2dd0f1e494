import type { ErrorCode } from '../errors.ts'
import { wantsReceipt } from '../journal/attributes.ts'
import { decodeMessage, decodeNote, encodeHole, entryBytes, HOLE, MESSAGE, messageFlags } from '../journal/entry.ts'
import type { ArrivingRange, Refusal } from './arriving.ts'
import { idKey } from './ids.ts'
import type { PositionRun } from './inbox-port.ts'
import { keyNumber } from './key-number.ts'
import { pushRun } from './runs.ts'

/** The code of a hole where a message would be that is here already: counted as delivered, not told to the sender. */
export const DUPLICATE = 'duplicate'

/** What of a range is written, and what is remembered of it. */
export interface Sifted {
  parts: Buffer[]
  bytes: number
  /** Relative to the first entry. */
  offsets: Uint32Array
  /** Positions that hold messages. */
  present: PositionRun[]
  expires: Float64Array | undefined
  /** Some sender wants to hear what becomes of its message. */
  receipts: boolean
  /** See BlockTable. */
  orderKeys: Float64Array | undefined
  /** Of ids to be remembered. */
  keys: string[]
  refused: Refusal[]
  duplicates: number
}

/** Picks the messages of an arriving range from position `from` on; holes take the places of what is refused or here already. */
export function sift(range: ArrivingRange, from: number, isKnown: (key: string) => boolean): Sifted {
  const count = range.to - from
  const skipped = from - range.from
  const sifted: Sifted = {
    parts: [],
    bytes: 0,
    offsets: new Uint32Array(count + 1),
    present: [],
    expires: undefined,
    receipts: false,
    orderKeys: undefined,
    keys: [],
    refused: [],
    duplicates: 0
  }
  const refusals = new Map((range.refused ?? []).map(refusal => [refusal.at, refusal]))
  const own = new Set<string>()
  let wholeFrom = range.offsets[skipped]!
  for (let i = 0; i < count; i++) {
    const at = range.offsets[skipped + i]!
    const end = range.offsets[skipped + i + 1]!
    sifted.offsets[i] = sifted.bytes
    const refusal = refusals.get(from + i)
    const flags = refusal === undefined ? messageFlags(range.entries, at) : undefined
    let hole: Buffer | undefined
    if (refusal !== undefined) {
      sifted.refused.push(refusal)
      hole = encodeHole({ code: refusal.code, id: refusal.id, detail: refusal.detail })
    } else if (flags!.remembered) {
      if (range.again === undefined) hole = remember(range, at, sifted, own, isKnown)
      else sifted.keys.push(idKey(range.origin, range.channel, decodeMessage(range.entries, at).id))
    }
    if (hole === undefined) {
      pushRun(sifted.present, from + i, from + i + 1)
      noteExpiry(sifted, flags!.expiresAt, i, count)
      sifted.receipts ||= wantsReceipt(range.entries, at)
      noteKey(sifted, keyNumber(range.entries, at), i, count)
      sifted.bytes += end - at
      continue
    }
    if (at > wholeFrom) sifted.parts.push(range.entries.subarray(wholeFrom, at))
    sifted.parts.push(hole)
    sifted.bytes += hole.length
    wholeFrom = end
  }
  sifted.offsets[count] = sifted.bytes
  const end = range.offsets[skipped + count]!
  if (end > wholeFrom) sifted.parts.push(range.entries.subarray(wholeFrom, end))
  return sifted
}

/** Notes the id of a message, or gives the hole to put in its place when it is known already. */
function remember(
  range: ArrivingRange,
  at: number,
  sifted: Sifted,
  own: Set<string>,
  isKnown: (key: string) => boolean
): Buffer | undefined {
  const { id } = decodeMessage(range.entries, at)
  const key = idKey(range.origin, range.channel, id)
  if (own.has(key) || isKnown(key)) {
    sifted.duplicates++
    return encodeHole({ code: DUPLICATE, id })
  }
  own.add(key)
  sifted.keys.push(key)
  return undefined
}

function noteExpiry(
  into: { expires: Float64Array | undefined },
  expiresAt: number | undefined,
  i: number,
  count: number
) {
  if (expiresAt === undefined) return
  into.expires ??= new Float64Array(count).fill(Number.POSITIVE_INFINITY)
  into.expires[i] = expiresAt
}

function noteKey(into: { orderKeys: Float64Array | undefined }, key: number, i: number, count: number) {
  if (key === 0) return
  into.orderKeys ??= new Float64Array(count)
  into.orderKeys[i] = key
}

/** The same of entries that are read back from the inbox, whose first is position `from`. */
export function readBack(
  bytes: Buffer,
  source: { origin: string; channel: string; from: number; count: number }
): Omit<Sifted, 'parts' | 'offsets'> {
  const { origin, channel, from, count } = source
  const read: Omit<Sifted, 'parts' | 'offsets'> = {
    bytes: bytes.length,
    present: [],
    expires: undefined,
    receipts: false,
    orderKeys: undefined,
    keys: [],
    refused: [],
    duplicates: 0
  }
  let at = 0
  for (let i = 0; i < count && at < bytes.length; i++, at += entryBytes(bytes, at)) {
    const { kind, remembered, expiresAt } = messageFlags(bytes, at)
    if (kind === HOLE) {
      const refusal = refusalOf(from + i, decodeNote(bytes, at))
      if (refusal !== undefined) read.refused.push(refusal)
      else read.duplicates++
    }
    if (kind !== MESSAGE) continue
    pushRun(read.present, from + i, from + i + 1)
    noteExpiry(read, expiresAt, i, count)
    read.receipts ||= wantsReceipt(bytes, at)
    noteKey(read, keyNumber(bytes, at), i, count)
    if (remembered) read.keys.push(idKey(origin, channel, decodeMessage(bytes, at).id))
  }
  return read
}

function refusalOf(at: number, note: unknown): Refusal | undefined {
  const { code, id, detail } = (note ?? {}) as { code?: unknown; id?: unknown; detail?: unknown }
  if (typeof code !== 'string' || code === DUPLICATE) return undefined
  return { at, id: textOf(id), code: code as ErrorCode, detail: textOf(detail) }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
