import { decodeTable, ENTRY_BYTES_MIN, entryBytes, isWholeEntry, TABLE } from '../journal/entry.ts'
import { decodeFrameHeader, FRAME_HEADER_BYTES } from '../journal/frame.ts'
import type { SegmentName } from '../journal/segment-names.ts'
import { segmentParts } from '../journal/segment-parts.ts'
import { SegmentReader } from '../journal/segment-reader.ts'
import { salvagePieces } from '../spool/damaged-place.ts'
import { quarantine } from '../spool/quarantine.ts'
import type { Spool } from '../spool/spool.ts'
import type { ReadFile } from '../system/files.ts'
import { Held } from './held.ts'
import { heldFilesOf } from './held-files.ts'
import { type Row, Rows } from './rows.ts'
import { decodeFoot, FOOT_FROM_END, type Foot } from './tables.ts'

/** Entries that lie so near each other are read at once, up to so many bytes. */
const GAP_BYTES_MAX = 16_384
const READ_BYTES_MAX = 1_048_576

/** A bucket segment as it lies there. Undefined when it has no whole head: nothing in it was ever relied on. */
export async function openHeld(spool: Spool, segment: SegmentName, level: string): Promise<Held | undefined> {
  const reader = await SegmentReader.open(spool.system.files, segment.path)
  if (reader === undefined) return undefined
  try {
    const held = new Held(segment, level, reader.head.stream)
    const foot = await readFoot(reader)
    if (foot === undefined) await scan(spool, reader, held)
    else held.setFoot(foot)
    return held
  } finally {
    await reader.close()
  }
}

/** Goes through the whole segment for what is readable, and relies on its tables no more. */
export async function rescan(spool: Spool, held: Held): Promise<void> {
  const reader = await SegmentReader.open(spool.system.files, held.path)
  if (reader === undefined) return held.setRows(new Rows())
  try {
    await scan(spool, reader, held)
  } finally {
    await reader.close()
  }
}

async function readFoot(reader: SegmentReader): Promise<Foot | undefined> {
  const tail = await reader.raw(Math.max(0, (await reader.bytes()) - FOOT_FROM_END), FOOT_FROM_END)
  if (tail.length < FOOT_FROM_END) return undefined
  // The salted headers say that these are frames of ours, and no body that looks like them.
  const { salt } = reader.head
  if (decodeFrameHeader(tail, 0, salt)?.payloadBytes !== FOOT_FROM_END - 2 * FRAME_HEADER_BYTES) return undefined
  if (decodeFrameHeader(tail, FOOT_FROM_END - FRAME_HEADER_BYTES, salt)?.kind !== 'seal') return undefined
  return decodeFoot(tail)
}

async function scan(spool: Spool, reader: SegmentReader, held: Held): Promise<void> {
  const rows = new Rows()
  let position = 0
  for await (const part of segmentParts(reader)) {
    if (part.kind === 'frame') {
      const { first, count, payload, payloadAt } = part.frame
      position = first + count
      let ordinal = first
      for (let at = 0; at < payload.length; at += entryBytes(payload, at)) {
        if (at + ENTRY_BYTES_MIN > payload.length || entryBytes(payload, at) < ENTRY_BYTES_MIN) break
        if (payload[at + 8] !== TABLE) rows.add(payload, at, { offset: payloadAt + at, position: ordinal })
        ordinal++
      }
    } else if (part.kind === 'damage') {
      const to = part.before?.first ?? position
      await saveFrom(spool, reader, rows, { ...part, first: position, last: to })
      position = to
    }
  }
  held.setRows(rows)
  held.scanned = true
}

async function saveFrom(
  spool: Spool,
  reader: SegmentReader,
  rows: Rows,
  damage: { from: number; to: number; first: number; last: number }
): Promise<void> {
  const { from, to, first, last } = damage
  const bytes = await reader.raw(from, to - from)
  const { pieces, saved } = salvagePieces(bytes, reader.head.salt, { first, to: last })
  const lost: [number, number][] = []
  for (const piece of pieces) {
    if (piece.payload === undefined) lost.push([piece.first, piece.first + piece.count])
    let position = piece.first
    for (let at = 0; at < (piece.payload?.length ?? 0); at += entryBytes(piece.payload!, at)) {
      const entry = piece.payload!.subarray(at, at + entryBytes(piece.payload!, at))
      const offset = from + bytes.indexOf(entry)
      if (entry[8] !== TABLE) rows.add(entry, 0, { offset, position })
      position++
    }
  }
  await quarantine(spool, reader, {
    path: reader.path,
    from,
    to,
    lost,
    saved,
    why: 'it was synced and is no longer so'
  })
}

/** One page of a table; undefined when it is damaged. */
export async function readPage(
  spool: Spool,
  path: string,
  place: { offset: number; bytes: number }
): Promise<Buffer | undefined> {
  return await heldFilesOf(spool).use(path, async file => {
    const bytes = Buffer.allocUnsafeSlow(place.bytes)
    const count = await file.read(bytes, place.offset)
    return count < bytes.length || entryBytes(bytes, 0) !== bytes.length ? undefined : decodeTable(bytes)
  })
}

/** As `readEntries`, one by one, in the order of `rows`; undefined for one that is damaged. */
export async function entriesOf(
  spool: Spool,
  path: string,
  rows: readonly Pick<Row, 'offset' | 'bytes'>[]
): Promise<(Buffer | undefined)[]> {
  const numbered = rows.map(({ offset, bytes }, i) => ({ offset, bytes, i }))
  const found: (Buffer | undefined)[] = rows.map(() => undefined)
  await readEntries(spool, path, numbered, ({ i, bytes }, entry, at) => {
    found[i] = entry.subarray(at, at + bytes)
  })
  return found
}

/** Gives the entries of these rows to `found`, but for those that are damaged. What lies side by side is read at once. */
export async function readEntries<T extends Pick<Row, 'offset' | 'bytes'>>(
  spool: Spool,
  path: string,
  rows: readonly T[],
  found: (row: T, entry: Buffer, at: number) => void
): Promise<void> {
  const sorted = isSorted(rows) ? rows : [...rows].sort((a, b) => a.offset - b.offset)
  await heldFilesOf(spool).use(path, async file => {
    const reads: Promise<void>[] = []
    for (let i = 0; i < sorted.length; ) {
      const first = i
      const begin = sorted[i]!.offset
      let end = begin
      for (; i < sorted.length; i++) {
        const { offset, bytes } = sorted[i]!
        if (i > first && (offset > end + GAP_BYTES_MAX || offset + bytes > begin + READ_BYTES_MAX)) break
        end = Math.max(end, offset + bytes)
      }
      reads.push(readSpan(file, { begin, end }, sorted.slice(first, i), found))
    }
    await Promise.all(reads)
  })
}

async function readSpan<T extends Pick<Row, 'offset' | 'bytes'>>(
  file: ReadFile,
  { begin, end }: { begin: number; end: number },
  rows: readonly T[],
  found: (row: T, entry: Buffer, at: number) => void
): Promise<void> {
  const bytes = Buffer.allocUnsafeSlow(end - begin)
  const whole = bytes.subarray(0, await file.read(bytes, begin))
  for (const row of rows) {
    const at = row.offset - begin
    if (isWholeEntry(whole, at) && entryBytes(whole, at) === row.bytes) found(row, whole, at)
  }
}

function isSorted(rows: readonly Pick<Row, 'offset'>[]): boolean {
  for (let i = 1; i < rows.length; i++) if (rows[i]!.offset < rows[i - 1]!.offset) return false
  return true
}
