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
import { SEGMENT_ROWS_MAX } from './open-segment.ts'
import { type Row, Rows } from './rows.ts'
import { decodeSummary, type Summary, summaryBytes } from './summary.ts'
import { decodeFoot, FOOT_FROM_END, type Foot, ROWS_PER_PAGE } from './tables.ts'

/** Entries that lie so near each other are read at once, up to so many bytes. */
const GAP_BYTES_MAX = 16_384
const READ_BYTES_MAX = 1_048_576
/** What is read of the end of a segment to know what it is about. */
const TAIL_BYTES = FOOT_FROM_END + summaryBytes(SEGMENT_ROWS_MAX, ROWS_PER_PAGE)

interface Span {
  offset: number
  bytes: number
}

/** A bucket segment as it lies there. Undefined when it has no whole head: nothing in it was ever relied on. */
export async function openHeld(spool: Spool, segment: SegmentName, level: string): Promise<Held | undefined> {
  const reader = await SegmentReader.open(spool.system.files, segment.path)
  if (reader === undefined) return undefined
  try {
    const held = new Held(segment, level, reader.head.stream)
    const tables = await readFoot(reader)
    if (tables === undefined) await scan(spool, reader, held)
    else held.setFoot(tables.foot, tables.summary)
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

/** The foot, and the summary before it: one read. */
async function readFoot(reader: SegmentReader): Promise<{ foot: Foot; summary: Summary | undefined } | undefined> {
  const bytes = await reader.raw(Math.max(0, (await reader.bytes()) - TAIL_BYTES), TAIL_BYTES)
  const end = bytes.length - FOOT_FROM_END
  if (end < 0) return undefined
  const tail = bytes.subarray(end)
  // The salted headers say that these are frames of ours, and no body that looks like them.
  const { salt } = reader.head
  if (decodeFrameHeader(tail, 0, salt)?.payloadBytes !== FOOT_FROM_END - 2 * FRAME_HEADER_BYTES) return undefined
  if (decodeFrameHeader(tail, FOOT_FROM_END - FRAME_HEADER_BYTES, salt)?.kind !== 'seal') return undefined
  const foot = decodeFoot(tail)
  if (foot === undefined) return undefined
  const begin = end - summaryBytes(foot.rows, foot.rowsPerPage)
  return { foot, summary: begin < 0 ? undefined : decodeSummary(bytes.subarray(begin, end), foot) }
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
export async function readPage(spool: Spool, path: string, place: Span): Promise<Buffer | undefined> {
  return (await readPages(spool, path, [place]))?.[0]
}

/** Pages that lie side by side, in one read; undefined when one of them is damaged. */
export async function readPages(spool: Spool, path: string, places: readonly Span[]): Promise<Buffer[] | undefined> {
  const begin = places[0]!.offset
  const last = places.at(-1)!
  return await heldFilesOf(spool).use(path, async file => {
    const bytes = Buffer.allocUnsafeSlow(last.offset + last.bytes - begin)
    if ((await file.read(bytes, begin)) < bytes.length) return undefined
    const pages: Buffer[] = []
    for (const { offset, bytes: length } of places) {
      if (entryBytes(bytes, offset - begin) !== length) return undefined
      const page = decodeTable(bytes, offset - begin)
      if (page === undefined) return undefined
      pages.push(page)
    }
    return pages
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
