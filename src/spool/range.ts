import { DroprError } from '../errors.ts'
import { hasBlob } from '../journal/blob-of.ts'
import type { Blocks } from '../journal/blocks.ts'
import { ENTRY_BYTES_MIN, entryBytes, messageFlags } from '../journal/entry.ts'
import type { Piece } from './damaged-place.ts'

/** Why positions of a stream will never be sent. */
export type SkipReason = 'damaged' | 'expired' | 'cancelled' | 'gone'

/** Positions [from, to) of a stream as they are to be sent. */
export type Range = EntriesRange | SkipRange

export interface EntriesRange {
  from: number
  to: number
  count: number
  /** Whole entries, one after the other; in a block of the spool when there are many. */
  entries: Buffer
  skip?: undefined
  /** One message whose body lies in a file of its own, which has to be there before it. */
  blob?: true
}

export interface SkipRange {
  from: number
  to: number
  skip: SkipReason
  /** Those that are skipped, where they can be read: what expired, or was cancelled. */
  entries?: Buffer
}

interface Take {
  from: number
  bytesMax: number
  /** Wall ms. */
  now: number
  blocks: Blocks
  /** Whether a position of the stream must not be sent. */
  isCancelled?: ((position: number) => boolean) | undefined
}

/**
 * Takes the range that begins at `from` out of `pieces`, which follow each other and cover it. What is left stays in `pieces`.
 *
 * A range is of one kind: entries to send, at most `bytesMax` of them unless it is a single one; one message with a large body;
 * or a skip of what is lost, cancelled or expired. It may end inside a frame. Its entries are a copy: what pieces are views
 * of is used again.
 *
 * @returns Undefined when `pieces` hold nothing from there on.
 */
export function takeRange(pieces: Piece[], take: Take): Range | undefined {
  const { from, bytesMax, now, blocks, isCancelled } = take
  dropBefore(pieces, from)
  const [begins] = pieces
  if (begins === undefined) return undefined
  if (begins.payload === undefined) return takeLost(pieces, from)
  const sortOf = (payload: Buffer, at: number, position: number) =>
    isCancelled?.(position) === true ? 'cancelled' : sortAt(payload, at, now)
  const sort = sortOf(begins.payload, 0, from)
  const countMax = sort === 'blob' ? 1 : Number.POSITIVE_INFINITY
  const parts: Buffer[] = []
  let count = 0
  let bytes = 0
  for (let piece = pieces[0]; piece?.payload !== undefined; piece = pieces[0]) {
    const payload: Buffer = piece.payload
    let end = 0
    let taken = 0
    for (; taken < piece.count && sortOf(payload, end, piece.first + taken) === sort; taken++) {
      if (count + taken === countMax) break
      const next = entryEnd(payload, end)
      if (bytes + next > bytesMax && count + taken > 0) break
      end = next
    }
    if (taken > 0) parts.push(end === payload.length ? payload : payload.subarray(0, end))
    bytes += end
    count += taken
    if (taken < piece.count) {
      pieces[0] = { first: piece.first + taken, count: piece.count - taken, payload: payload.subarray(end) }
      break
    }
    pieces.shift()
  }
  const entries = joined(parts, blocks.take(bytes))
  const to = from + count
  if (sort === 'expired' || sort === 'cancelled') return { from, to, skip: sort, entries }
  return sort === 'blob' ? { from, to, count, entries, blob: true } : { from, to, count, entries }
}

function joined(parts: readonly Buffer[], into: Buffer): Buffer {
  let at = 0
  for (const part of parts) at += part.copy(into, at)
  return into
}

function takeLost(pieces: Piece[], from: number): Range {
  let to = from
  while (pieces[0] !== undefined && pieces[0].payload === undefined) {
    to = pieces[0].first + pieces[0].count
    pieces.shift()
  }
  return { from, to, skip: 'damaged' }
}

/** Of entries; what is lost has none. */
export function bytesIn(pieces: readonly Piece[]): number {
  let bytes = 0
  for (const { payload } of pieces) if (payload !== undefined) bytes += payload.length
  return bytes
}

/** Removes the positions below `from`. */
export function dropBefore(pieces: Piece[], from: number): void {
  while (pieces[0] !== undefined && pieces[0].first + pieces[0].count <= from) pieces.shift()
  const piece = pieces[0]
  if (piece === undefined || piece.first >= from) return
  let at = 0
  if (piece.payload !== undefined) for (let p = piece.first; p < from; p++) at = entryEnd(piece.payload, at)
  pieces[0] = { first: from, count: piece.first + piece.count - from, payload: piece.payload?.subarray(at) }
}

function sortAt(payload: Buffer, at: number, now: number): 'plain' | 'blob' | 'expired' {
  const { expiresAt } = messageFlags(payload, at)
  if (expiresAt !== undefined && expiresAt <= now) return 'expired'
  return hasBlob(payload, at) ? 'blob' : 'plain'
}

/** The CRC of the frame holds, so this only fails when its writer wrote nonsense: better loud than for ever. */
function entryEnd(payload: Buffer, at: number): number {
  const end = at + ENTRY_BYTES_MIN <= payload.length ? at + entryBytes(payload, at) : 0
  if (end < at + ENTRY_BYTES_MIN || end > payload.length)
    throw new DroprError('SPOOL_DAMAGED', `a frame whose entries do not add up, at byte ${at} of ${payload.length}`)
  return end
}
