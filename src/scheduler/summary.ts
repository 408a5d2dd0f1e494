import { decodeTable, ENTRY_BYTES_MIN, encodeTable } from '../journal/entry.ts'
import { addToFilter, filterBytes } from './filter.ts'
import { dueOf, hashOf, ROW_BYTES } from './rows.ts'

/*
 * What a sealed bucket segment says of itself in short, to be kept in memory: with it most segments need not be looked into, and
 * where to look in the others is known. One table entry, in a frame between the ids and the foot:
 *
 *   0 u16 1   2 u16 zero   4 u32 pages of rows   8 u48 first due of each of these pages   .. filter of the ids, to the end
 *
 * A segment without it, or with a damaged one, is looked into.
 */
const VERSION = 1
const HEAD_BYTES = 8
const DUE_BYTES = 6

export interface Summary {
  /** When the first message of each page of rows is due, wall ms. */
  firstDue: Float64Array
  /** Undefined: not kept in memory. */
  filter: Uint8Array | undefined
}

/** @param sorted All rows by due time. */
export function encodeSummary(sorted: Buffer, rowsPerPage: number): Buffer {
  const count = sorted.length / ROW_BYTES
  const pages = Math.ceil(count / rowsPerPage)
  const bytes = Buffer.alloc(summaryBytes(count, rowsPerPage) - ENTRY_BYTES_MIN)
  bytes.writeUInt16LE(VERSION)
  bytes.writeUInt32LE(pages, 4)
  for (let page = 0; page < pages; page++)
    bytes.writeUIntLE(dueOf(sorted, page * rowsPerPage), HEAD_BYTES + page * DUE_BYTES, DUE_BYTES)
  const filter = bytes.subarray(HEAD_BYTES + pages * DUE_BYTES)
  for (let i = 0; i < count; i++) {
    const [a, b] = hashOf(sorted, i)
    addToFilter(filter, a, b)
  }
  return encodeTable(bytes)
}

/** Of the whole entry. */
export function summaryBytes(rows: number, rowsPerPage: number): number {
  return ENTRY_BYTES_MIN + HEAD_BYTES + Math.ceil(rows / rowsPerPage) * DUE_BYTES + filterBytes(rows)
}

/** @param entry What lies there. Undefined when that is no whole summary of so many rows. */
export function decodeSummary(
  entry: Buffer,
  { rows, rowsPerPage }: { rows: number; rowsPerPage: number }
): Summary | undefined {
  if (entry.length !== summaryBytes(rows, rowsPerPage)) return undefined
  const bytes = decodeTable(entry)
  const pages = Math.ceil(rows / rowsPerPage)
  if (bytes?.length !== entry.length - ENTRY_BYTES_MIN || bytes.readUInt16LE() !== VERSION) return undefined
  if (bytes.readUInt32LE(4) !== pages) return undefined
  const firstDue = Float64Array.from({ length: pages }, (_, page) =>
    bytes.readUIntLE(HEAD_BYTES + page * DUE_BYTES, DUE_BYTES)
  )
  // A copy: what it was read with is larger.
  return { firstDue, filter: Uint8Array.from(bytes.subarray(HEAD_BYTES + pages * DUE_BYTES)) }
}
