import { crc32 } from 'node:zlib'
import { entriesCrc } from './entries-crc.ts'

/*
 * A frame: the entries of one commit behind a header. Little endian.
 *
 *    0 u32 'DRFR'               4 u32 CRC-32 of bytes 8..headerBytes, salted   8 u16 headerBytes   10 u8 kind    11 u8 zero
 *   12 u32 payloadBytes        16 u32 CRC-32 of the payload                  20 u32 entries      24 u48 first ordinal
 *   30 u48 syncedTo            36 u48 wall ms when written                   42 6 zero bytes
 *   48 the source, where there is one (an inbox):
 *      origin 16 | stream 16 | u48 from | u48 to | u48 order | u8 priority | u8 count + node name
 *
 * `syncedTo` is how far this file was known to be synced when the frame was written: damage below it is damage, anything
 * bad above it is what a crash leaves behind. The salt is random, one a file, and never leaves the node, so that no
 * body can hold bytes that pass for a frame.
 */
export const FRAME_HEADER_BYTES = 48
export const FRAME_HEADER_BYTES_MAX = FRAME_HEADER_BYTES + 52 + 63
export const FRAME_BYTES_MAX = 268_435_456
export const FRAME_MAGIC = Buffer.from('DRFR', 'latin1')
const MAGIC = FRAME_MAGIC.readUInt32LE()
const KINDS = ['', 'data', 'seal', 'skip'] as const
const DATA = KINDS.indexOf('data')
const SOURCE_BYTES_MIN = 52

export type FrameKind = 'data' | 'seal' | 'skip'

/** Where the entries of an inbox frame came from: positions [from, to) of one stream of one node. */
export interface Source {
  /** Spool id of the sending node, 32 hex digits. */
  origin: string
  node: string
  /** 32 hex digits. */
  stream: string
  from: number
  to: number
  /** Arrival order of `from` in this journal; a copy of the frame keeps it. */
  order: number
  priority: number
}

export interface FrameHeader {
  kind: FrameKind
  count: number
  first: number
  syncedTo: number
  at: number
  source: Source | undefined
}

export type PlainHeader = Omit<FrameHeader, 'kind' | 'source'> & { payloadBytes: number; payloadCrc: number }

export interface Frame extends FrameHeader {
  /** Places in the file: of the header, of the first entry, of the end. */
  offset: number
  payloadAt: number
  end: number
  payload: Buffer
}

export function frameHeaderBytes(source: Source | undefined): number {
  return FRAME_HEADER_BYTES + (source === undefined ? 0 : SOURCE_BYTES_MIN + source.node.length)
}

/** Writes the header of a frame whose payload is `payload`, in order. */
export function encodeFrameHeader(
  into: Buffer,
  at: number,
  header: FrameHeader,
  payload: readonly Uint8Array[],
  salt: number
): void {
  const bytes = frameHeaderBytes(header.source)
  let payloadBytes = 0
  for (const part of payload) payloadBytes += part.length
  into.fill(0, at, at + FRAME_HEADER_BYTES)
  into.writeUInt32LE(MAGIC, at)
  into.writeUInt16LE(bytes, at + 8)
  into[at + 10] = KINDS.indexOf(header.kind)
  into.writeUInt32LE(payloadBytes, at + 12)
  into.writeUInt32LE(entriesCrc(payload, header.count), at + 16)
  into.writeUInt32LE(header.count, at + 20)
  into.writeUIntLE(header.first, at + 24, 6)
  into.writeUIntLE(header.syncedTo, at + 30, 6)
  into.writeUIntLE(header.at, at + 36, 6)
  if (header.source !== undefined) encodeSource(into, at + FRAME_HEADER_BYTES, header.source)
  into.writeUInt32LE(crc32(into.subarray(at + 8, at + bytes), salt), at + 4)
}

/** The length of a header that can be believed; 0 for anything else. */
export function headerBytesAt(bytes: Buffer, at: number, salt: number): number {
  if (at + FRAME_HEADER_BYTES > bytes.length || bytes.readUInt32LE(at) !== MAGIC) return 0
  const headerBytes = bytes.readUInt16LE(at + 8)
  if (headerBytes < FRAME_HEADER_BYTES || headerBytes > FRAME_HEADER_BYTES_MAX || at + headerBytes > bytes.length)
    return 0
  return crc32(bytes.subarray(at + 8, at + headerBytes), salt) === bytes.readUInt32LE(at + 4) ? headerBytes : 0
}

/**
 * What a data frame of which nobody says where it came from tells, by a header that can be believed: of an outbox, each one.
 *
 * @param frame Gets it: one object for many small frames.
 */
export function readPlainHeader(bytes: Buffer, at: number, headerBytes: number, frame: PlainHeader): boolean {
  if (headerBytes !== FRAME_HEADER_BYTES || bytes[at + 10] !== DATA) return false
  frame.payloadBytes = bytes.readUInt32LE(at + 12)
  frame.payloadCrc = bytes.readUInt32LE(at + 16)
  frame.count = bytes.readUInt32LE(at + 20)
  frame.first = bytes.readUIntLE(at + 24, 6)
  frame.syncedTo = bytes.readUIntLE(at + 30, 6)
  frame.at = bytes.readUIntLE(at + 36, 6)
  return true
}

/** Whether a header that can be believed names this stream, 16 bytes, as its source. */
export function isOfStream(bytes: Buffer, at: number, headerBytes: number, stream: Buffer): boolean {
  const from = at + FRAME_HEADER_BYTES + 16
  return headerBytes >= FRAME_HEADER_BYTES + SOURCE_BYTES_MIN && stream.compare(bytes, from, from + 16) === 0
}

/** Where the frame ends whose header, which can be believed, is at `at`. */
export function frameEnd(bytes: Buffer, at: number, headerBytes: number): number {
  return at + headerBytes + bytes.readUInt32LE(at + 12)
}

/** A header that can be believed, with the CRC its payload must have; undefined for anything else. */
export function decodeFrameHeader(
  bytes: Buffer,
  at: number,
  salt: number
): (FrameHeader & { headerBytes: number; payloadBytes: number; payloadCrc: number }) | undefined {
  const headerBytes = headerBytesAt(bytes, at, salt)
  if (headerBytes === 0) return undefined
  const kind = KINDS[bytes[at + 10]!]
  if (kind === undefined || kind === '') return undefined
  return {
    kind,
    headerBytes,
    payloadBytes: bytes.readUInt32LE(at + 12),
    payloadCrc: bytes.readUInt32LE(at + 16),
    count: bytes.readUInt32LE(at + 20),
    first: bytes.readUIntLE(at + 24, 6),
    syncedTo: bytes.readUIntLE(at + 30, 6),
    at: bytes.readUIntLE(at + 36, 6),
    source:
      headerBytes >= FRAME_HEADER_BYTES + SOURCE_BYTES_MIN ? decodeSource(bytes, at + FRAME_HEADER_BYTES) : undefined
  }
}

function encodeSource(into: Buffer, at: number, source: Source): void {
  into.write(source.origin, at, 16, 'hex')
  into.write(source.stream, at + 16, 16, 'hex')
  into.writeUIntLE(source.from, at + 32, 6)
  into.writeUIntLE(source.to, at + 38, 6)
  into.writeUIntLE(source.order, at + 44, 6)
  into[at + 50] = source.priority
  into[at + 51] = source.node.length
  into.write(source.node, at + 52, 'latin1')
}

function decodeSource(bytes: Buffer, at: number): Source {
  return {
    origin: bytes.toString('hex', at, at + 16),
    stream: bytes.toString('hex', at + 16, at + 32),
    from: bytes.readUIntLE(at + 32, 6),
    to: bytes.readUIntLE(at + 38, 6),
    order: bytes.readUIntLE(at + 44, 6),
    priority: bytes[at + 50]!,
    node: bytes.toString('latin1', at + 52, at + 52 + bytes[at + 51]!)
  }
}
