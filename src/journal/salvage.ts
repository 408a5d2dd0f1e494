import { crc32 } from 'node:zlib'
import { ENTRY_BYTES_MIN, entryBytes } from './entry.ts'
import { decodeFrameHeader, FRAME_HEADER_BYTES_MAX, FRAME_MAGIC, type Frame, type FrameHeader } from './frame.ts'
import { mendBit } from './mend-bit.ts'
import { mendMark } from './mend-mark.ts'

export interface Salvaged {
  header: FrameHeader
  /** The entries whose CRC holds, with their ordinal in the frame, 0 to count - 1, and where they lie in it; mended marks among them. */
  entries: { index: number; at: number; bytes: Buffer }[]
  /** Bytes of the whole frame, as its header says. */
  frameBytes: number
}

/** All frames of which something can be read in bytes that are no frames any more, with where they begin. */
export function* salvageFrames(bytes: Buffer, salt: number): Generator<Salvaged & { at: number }> {
  for (let at = 0; at !== -1 && at < bytes.length; ) {
    const found = salvageFrame(bytes.subarray(at), salt)
    if (found !== undefined) yield { ...found, at }
    at = found === undefined ? bytes.indexOf(FRAME_MAGIC, at + 1) : at + found.frameBytes
  }
}

/**
 * What can still be read of a damaged frame that begins at `bytes[0]`.
 *
 * Its header may have one flipped bit: CRC-32 tells two headers of this length apart up to three flipped bits, so the one
 * repair that makes the CRC right is the right one. Entries are taken from the front while their lengths hold, and after a
 * broken length from the first place from which whole entries reach exactly to the end; those are counted from the back. A mark
 * may have one flipped bit as well.
 */
export function salvageFrame(bytes: Buffer, salt: number): Salvaged | undefined {
  const header =
    decodeFrameHeader(bytes, 0, salt) ??
    mendBit(bytes.subarray(0, FRAME_HEADER_BYTES_MAX), tried => decodeFrameHeader(tried, 0, salt))
  if (header === undefined) return undefined
  const end = Math.min(bytes.length, header.headerBytes + header.payloadBytes)
  const entries: Salvaged['entries'] = []
  let at = header.headerBytes
  for (let index = 0; index < header.count && at < end; index++) {
    const next = goodEnd(bytes, at, end)
    const entry = next === undefined ? mendMark(bytes.subarray(at, end)) : bytes.subarray(at, next)
    if (entry !== undefined) {
      entries.push({ index, at, bytes: entry })
      at += entry.length
      continue
    }
    // Of a frame that is cut nobody knows how many are missing behind.
    const isCut = header.headerBytes + header.payloadBytes > bytes.length
    const rest = isCut ? [] : wholeRest(bytes, at + 1, end)
    rest.forEach(([from, to], i) => {
      const back = header.count - rest.length + i
      if (back > index) entries.push({ index: back, at: from, bytes: bytes.subarray(from, to) })
    })
    break
  }
  return { header, entries, frameBytes: header.headerBytes + header.payloadBytes }
}

/** Each entry that was saved as a frame of its own. @param from Where in the file the bytes began in which it was found. */
export function framesIn({ header, entries, at }: Salvaged & { at: number }, from: number): Frame[] {
  const { source, first } = header
  return entries.map(({ index, at: entryAt, bytes: payload }): Frame => {
    const payloadAt = from + at + entryAt
    const only = source && { from: source.from + index, to: source.from + index + 1, order: source.order + index }
    // The one entry of a skip speaks of all its positions.
    const own = source && { ...source, ...(header.kind === 'data' && only) }
    const place = { offset: from + at, payloadAt, end: payloadAt + payload.length }
    return { ...header, ...place, source: own, count: 1, first: first + index, payload }
  })
}

/** The first chain of good entries, from `from` on, that ends exactly at `end`: where each begins and ends. */
export function wholeRest(bytes: Buffer, from: number, end: number): [number, number][] {
  for (let start = from; start + ENTRY_BYTES_MIN <= end; start++) {
    const chain: [number, number][] = []
    for (let at = start; at < end; ) {
      const next = goodEnd(bytes, at, end)
      if (next === undefined) break
      chain.push([at, next])
      at = next
    }
    if (chain.at(-1)?.[1] === end) return chain
  }
  return []
}

function goodEnd(bytes: Buffer, at: number, end: number): number | undefined {
  if (at + ENTRY_BYTES_MIN > end) return undefined
  const length = entryBytes(bytes, at)
  if (length < ENTRY_BYTES_MIN || at + length > end) return undefined
  return crc32(bytes.subarray(at + 8, at + length)) === bytes.readUInt32LE(at + 4) ? at + length : undefined
}
