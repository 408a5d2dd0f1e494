import { decodeTable, ENTRY_BYTES_MIN, encodeTable } from '../journal/entry.ts'
import { FRAME_HEADER_BYTES } from '../journal/frame.ts'
import { hashOf, orderByDue, ROW_BYTES } from './rows.ts'
import { encodeSummary } from './summary.ts'

/*
 * What a sealed bucket segment ends with, each part an entry of kind table in pages of a fixed length, so that any page is one
 * read with a CRC of its own:
 *
 *   rows by due time     36 bytes each, 256 a page (rows.ts)
 *   ids by hash          12 bytes each, 1024 a page: u32 u32 hash, u32 the row's number in the order by due time
 *   the summary          one entry (summary.ts)
 *   the foot             one entry: u16 1, u16 rows a page, u16 ids a page, u32 rows, u48 where the rows begin, u48 where the
 *                        ids begin, u48 first due, u48 last due
 *
 * The hash spreads ids evenly: where one lies among n can be reckoned, and is found with one read or two.
 */
export const ROWS_PER_PAGE = 256
export const IDS_PER_PAGE = 1_024
export const ID_BYTES = 12
const FOOT_BYTES = 34
const VERSION = 1
/** The foot, its frame's header, and the seal after it: always the last bytes of the file. */
export const FOOT_FROM_END = FRAME_HEADER_BYTES + ENTRY_BYTES_MIN + FOOT_BYTES + FRAME_HEADER_BYTES

export interface Foot {
  rows: number
  rowsPerPage: number
  idsPerPage: number
  rowsAt: number
  idsAt: number
  minDue: number
  maxDue: number
}

/** The pages for these rows, and their summary; each of the three goes into a frame of its own. */
export function encodePages(rows: Buffer): { rows: Buffer[]; ids: Buffer[]; summary: Buffer } {
  const order = orderByDue(rows)
  const sorted = Buffer.alloc(rows.length)
  order.forEach((from, to) => {
    rows.copy(sorted, to * ROW_BYTES, from * ROW_BYTES, (from + 1) * ROW_BYTES)
  })
  return {
    rows: pages(sorted, ROWS_PER_PAGE * ROW_BYTES),
    ids: pages(idsOf(sorted), IDS_PER_PAGE * ID_BYTES),
    summary: encodeSummary(sorted, ROWS_PER_PAGE)
  }
}

function idsOf(sorted: Buffer): Buffer {
  const count = sorted.length / ROW_BYTES
  const high = new Uint32Array(count)
  const low = new Uint32Array(count)
  for (let i = 0; i < count; i++) {
    const [a, b] = hashOf(sorted, i)
    high[i] = a
    low[i] = b
  }
  const order = Uint32Array.from(high.keys()).sort((a, b) => high[a]! - high[b]! || low[a]! - low[b]! || a - b)
  const ids = Buffer.alloc(count * ID_BYTES)
  order.forEach((row, i) => {
    ids.writeUInt32LE(high[row]!, i * ID_BYTES)
    ids.writeUInt32LE(low[row]!, i * ID_BYTES + 4)
    ids.writeUInt32LE(row, i * ID_BYTES + 8)
  })
  return ids
}

function pages(bytes: Buffer, pageBytes: number): Buffer[] {
  const all: Buffer[] = []
  for (let at = 0; at < bytes.length; at += pageBytes) all.push(encodeTable(bytes.subarray(at, at + pageBytes)))
  return all
}

/** Where page `page` of items of `itemBytes` lies, of `count` items in pages of `perPage` from `begins` on. */
export function pagePlace(
  begins: number,
  items: { count: number; perPage: number; itemBytes: number },
  page: number
): { offset: number; bytes: number } {
  const { count, perPage, itemBytes } = items
  const here = Math.min(perPage, count - page * perPage)
  return {
    offset: begins + page * (ENTRY_BYTES_MIN + perPage * itemBytes),
    bytes: ENTRY_BYTES_MIN + here * itemBytes
  }
}

export function encodeFoot(foot: Foot): Buffer {
  const bytes = Buffer.alloc(FOOT_BYTES)
  bytes.writeUInt16LE(VERSION, 0)
  bytes.writeUInt16LE(foot.rowsPerPage, 2)
  bytes.writeUInt16LE(foot.idsPerPage, 4)
  bytes.writeUInt32LE(foot.rows, 6)
  bytes.writeUIntLE(foot.rowsAt, 10, 6)
  bytes.writeUIntLE(foot.idsAt, 16, 6)
  bytes.writeUIntLE(foot.minDue, 22, 6)
  bytes.writeUIntLE(foot.maxDue, 28, 6)
  return encodeTable(bytes)
}

/** @param tail The last FOOT_FROM_END bytes of a file. Undefined when they are not a foot and a seal of this version. */
export function decodeFoot(tail: Buffer): Foot | undefined {
  const bytes = decodeTable(tail, FRAME_HEADER_BYTES)
  if (bytes === undefined || bytes.length !== FOOT_BYTES || bytes.readUInt16LE() !== VERSION) return undefined
  return {
    rowsPerPage: bytes.readUInt16LE(2),
    idsPerPage: bytes.readUInt16LE(4),
    rows: bytes.readUInt32LE(6),
    rowsAt: bytes.readUIntLE(10, 6),
    idsAt: bytes.readUIntLE(16, 6),
    minDue: bytes.readUIntLE(22, 6),
    maxDue: bytes.readUIntLE(28, 6)
  }
}
