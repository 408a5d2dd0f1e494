import { crc32 } from 'node:zlib'
import { ENTRY_BYTES_MIN, entryBytes } from './entry.ts'
import { decodeFrameHeader, FRAME_HEADER_BYTES_MAX, type FrameHeader } from './frame.ts'
import { mendBit } from './mend-bit.ts'

export interface Salvaged {
  header: FrameHeader
  /** The entries whose CRC holds, with their ordinal in the frame, 0 to count - 1. */
  entries: { index: number; bytes: Buffer }[]
  /** Bytes of the whole frame, as its header says. */
  frameBytes: number
}

/**
 * What can still be read of a damaged frame that begins at `bytes[0]`.
 *
 * Its header may have one flipped bit: CRC-32 tells two headers of this length apart up to three flipped bits, so the one
 * repair that makes the CRC right is the right one. Entries are taken from the front while their lengths hold, and after a
 * broken length from the first place from which whole entries reach exactly to the end; those are counted from the back.
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
    if (next !== undefined) {
      entries.push({ index, bytes: bytes.subarray(at, next) })
      at = next
      continue
    }
    const rest = restFrom(bytes, at + 1, end)
    rest.forEach(([from, to], i) => {
      const back = header.count - rest.length + i
      if (back > index) entries.push({ index: back, bytes: bytes.subarray(from, to) })
    })
    break
  }
  return { header, entries, frameBytes: header.headerBytes + header.payloadBytes }
}

/** The first chain of good entries, from `from` on, that ends exactly at `end`. */
function restFrom(bytes: Buffer, from: number, end: number): [number, number][] {
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
