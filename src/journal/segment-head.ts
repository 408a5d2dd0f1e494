import { crc32 } from 'node:zlib'
import { DroprError } from '../errors.ts'
import { mendBit } from './mend-bit.ts'

/*
 * The first 64 bytes of a segment. Little endian.
 *
 *    0 'DROPRSEG'   8 u16 format version   10 u16 64   12 u32 CRC-32 of bytes 16..64
 *   16 u32 salt    20 u48 createdAt, ms    26 6 zero bytes   32 stream: 16 random bytes   48 spool id: 16 bytes
 */
export const SEGMENT_HEAD_BYTES = 64
export const FORMAT_VERSION = 1
const MAGIC = 'DROPRSEG'

export interface SegmentHead {
  salt: number
  createdAt: number
  /** The name of the stream these entries are, 32 hex digits. */
  stream: string
  /** The spool it was written in, 32 hex digits: a copied file shows. */
  spool: string
  /** One of its bits was flipped: this is what it was. */
  mended?: true
}

export function encodeSegmentHead(head: SegmentHead): Buffer {
  const bytes = Buffer.alloc(SEGMENT_HEAD_BYTES)
  bytes.write(MAGIC, 0, 'latin1')
  bytes.writeUInt16LE(FORMAT_VERSION, 8)
  bytes.writeUInt16LE(SEGMENT_HEAD_BYTES, 10)
  bytes.writeUInt32LE(head.salt, 16)
  bytes.writeUIntLE(head.createdAt, 20, 6)
  bytes.write(head.stream, 32, 16, 'hex')
  bytes.write(head.spool, 48, 16, 'hex')
  bytes.writeUInt32LE(crc32(bytes.subarray(16)), 12)
  return bytes
}

/**
 * Undefined when it is not (yet) a whole head. Throws FORMAT_NEWER for a version this program does not know.
 *
 * One flipped bit is mended, not on the disk: without its head nothing of a segment can be read. CRC-32 tells heads apart up to
 * more flipped bits than that, so the one repair that makes it right is the right one.
 */
export function decodeSegmentHead(found: Buffer, path: string): SegmentHead | undefined {
  if (found.length < SEGMENT_HEAD_BYTES) return undefined
  // What lies there may be nothing yet, zeros: no flipped bit makes a head of that.
  const bytes = isHead(found)
    ? found
    : mendBit(found.subarray(0, SEGMENT_HEAD_BYTES), one => (isHead(one) ? one : undefined))
  if (bytes === undefined) return undefined
  const version = bytes.readUInt16LE(8)
  if (!isThisVersion(version))
    throw new DroprError('FORMAT_NEWER', `${path} has format ${version}, this program reads ${FORMAT_VERSION}`)
  return {
    salt: bytes.readUInt32LE(16),
    createdAt: bytes.readUIntLE(20, 6),
    stream: bytes.toString('hex', 32, 48),
    spool: bytes.toString('hex', 48, 64),
    ...((bytes !== found || version !== FORMAT_VERSION) && { mended: true as const })
  }
}

function isHead(bytes: Buffer): boolean {
  return (
    bytes.toString('latin1', 0, MAGIC.length) === MAGIC &&
    crc32(bytes.subarray(16, SEGMENT_HEAD_BYTES)) === bytes.readUInt32LE(12)
  )
}

/** But for one flipped bit: what that makes of this version is never given to another one (docs/format.md). */
function isThisVersion(version: number): boolean {
  const turned = version ^ FORMAT_VERSION
  return (turned & (turned - 1)) === 0
}
