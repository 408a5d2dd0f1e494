import { crc32 } from 'node:zlib'
import { BYTE_TABLE } from './entries-crc.ts'
import { decodeNote, ENTRY_BYTES_MIN, entryBytes, MARK } from './entry.ts'

/** Of an entry its length and its CRC are not in the CRC. */
const COVERED_FROM = 8

/**
 * The mark that lay at the beginning of these bytes, where one flipped bit explains what is wrong with it.
 *
 * What a mark says lies nowhere else: without it a message that was cancelled goes out, or one that is done comes again. It is
 * taken only if it is JSON as well: other damage that looks like one flipped bit is not. A message is never mended: of what is in
 * it nobody knows what it may be.
 */
export function mendMark(bytes: Buffer): Buffer | undefined {
  if (bytes.length < ENTRY_BYTES_MIN || !isOneBitAtMost(bytes[8]! ^ MARK)) return undefined
  const length = entryBytes(bytes, 0)
  if (fits(length, bytes)) {
    const mark = bytes.subarray(0, length)
    const mended = mendCovered(mark)
    if (isMark(mended)) return mended
  }
  for (let bit = 0; bit < 32; bit++) {
    const other = (length ^ (1 << bit)) >>> 0
    if (!fits(other, bytes) || crcOf(bytes, other) !== bytes.readUInt32LE(4)) continue
    const mark = Buffer.from(bytes.subarray(0, other))
    mark.writeUInt32LE(other, 0)
    if (isMark(mark)) return mark
  }
  return undefined
}

/** With the bit turned back, in the CRC or in what it covers, that makes the two fit. */
function mendCovered(mark: Buffer): Buffer | undefined {
  const copy = Buffer.from(mark)
  const wrong = (crcOf(mark, mark.length) ^ mark.readUInt32LE(4)) >>> 0
  if (isOneBitAtMost(wrong)) {
    copy.writeUInt32LE((mark.readUInt32LE(4) ^ wrong) >>> 0, 4)
    return copy
  }
  // What a flipped bit does to the CRC, gone back byte by byte from the end until it is what a flip in that byte does at once.
  for (let at = mark.length - 1, left = wrong; at >= COVERED_FROM; at--, left = stepBack(left)) {
    const bit = BIT_OF.get(left)
    if (bit === undefined) continue
    copy[at]! ^= 1 << bit
    return copy
  }
  return undefined
}

function fits(length: number, { length: most }: Buffer): boolean {
  return length >= ENTRY_BYTES_MIN && length <= most
}

function crcOf(bytes: Buffer, length: number): number {
  return crc32(bytes.subarray(COVERED_FROM, length))
}

function isMark(bytes: Buffer | undefined): bytes is Buffer {
  return bytes !== undefined && bytes[8] === MARK && decodeNote(bytes, 0) !== undefined
}

function isOneBitAtMost(bits: number): boolean {
  return (bits & (bits - 1)) === 0
}

/** What the CRC of zeros was one byte before. */
function stepBack(crc: number): number {
  const byte = BYTE_OF_TOP[crc >>> 24]!
  return (((crc ^ BYTE_TABLE[byte]!) << 8) | byte) >>> 0
}

const BYTE_OF_TOP = topOf(BYTE_TABLE)
const BIT_OF = new Map(Array.from({ length: 8 }, (_, bit) => [BYTE_TABLE[1 << bit]! >>> 0, bit]))

function topOf(table: Int32Array): Uint8Array {
  const bytes = new Uint8Array(256)
  for (const [byte, crc] of table.entries()) bytes[crc >>> 24] = byte
  return bytes
}
