import { decodeFrameHeader, FRAME_HEADER_BYTES_MAX, FRAME_MAGIC, type FrameHeader } from './frame.ts'
import { mendBit } from './mend-bit.ts'
import type { SegmentReader } from './segment-reader.ts'

const READ_BYTES = 1_048_576

/** Where reading goes on: a whole frame, or one of which only the header can be believed. */
export interface Beyond extends FrameHeader {
  offset: number
}

/**
 * What follows a bad place.
 *
 * A header says what was synced before it was written, also when its own frame is damaged, and when one of its bits is flipped:
 * so of several damaged frames in a row only the last may be what a crash left.
 *
 * @returns `next`: the next whole frame. Where none is, and the place is vouched for, the next of which there is a header. `vouched`:
 * something behind the place says that it had been synced.
 */
export async function beyond(
  reader: SegmentReader,
  bad: number
): Promise<{ next: Beyond | undefined; vouched: boolean }> {
  const broken: Beyond[] = []
  const onBroken = (header: Beyond) => void broken.push(header)
  const isVoucher = ({ kind, offset, syncedTo }: Beyond) => offset > bad && (syncedTo > bad || kind === 'seal')
  const first = await reader.resync(bad, onBroken)
  for (let frame = first; frame !== undefined; ) {
    if (frame.syncedTo > bad || frame.kind === 'seal') return { next: first, vouched: true }
    const { frames } = await reader.read(frame.end, READ_BYTES)
    frame =
      frames.find(later => later.syncedTo > bad || later.kind === 'seal') ??
      frames.at(-1) ??
      (await reader.resync(frame.end, onBroken))
  }
  const headers = await withMended(reader, bad, broken)
  if (!headers.some(isVoucher)) return { next: first, vouched: false }
  return { next: first ?? headers.find(({ offset }) => offset > bad), vouched: true }
}

/** The next frame after the bad place, if that or a later one says that the place had been synced. */
export async function vouchedAfter(reader: SegmentReader, bad: number): Promise<Beyond | undefined> {
  const { next, vouched } = await beyond(reader, bad)
  return vouched ? next : undefined
}

/** Also those with a flipped bit, which are looked for only where a frame before them ends. In the order of the file. */
async function withMended(reader: SegmentReader, bad: number, broken: readonly Beyond[]): Promise<Beyond[]> {
  const found = new Map<number, Beyond>()
  for (const begin of [bad, ...broken.map(({ offset }) => offset)]) {
    for (let at = begin; !found.has(at); ) {
      const bytes = await reader.raw(at, FRAME_HEADER_BYTES_MAX)
      const decode = (tried: Buffer) => decodeFrameHeader(tried, 0, reader.head.salt)
      // Zeros are no header with a flipped bit, and to look for that one takes longer than all the rest.
      const isBlank = bytes.subarray(0, FRAME_MAGIC.length).every(byte => byte === 0)
      const header = isBlank ? undefined : (decode(bytes) ?? mendBit(bytes, decode))
      if (header === undefined) break
      found.set(at, { ...header, offset: at })
      at += header.headerBytes + header.payloadBytes
    }
  }
  return [...found.values()].sort((a, b) => a.offset - b.offset)
}
