import { decodeFrameHeader, FRAME_HEADER_BYTES } from '../journal/frame.ts'
import { SEGMENT_HEAD_BYTES } from '../journal/segment-head.ts'
import type { SegmentReader } from '../journal/segment-reader.ts'

/** The end of a segment, as its seal says. */
export interface Seal {
  /** How many positions the stream has. */
  count: number
  /** When it was sealed, wall ms. */
  at: number
}

/**
 * Looks for the seal where it lies in a segment that was closed in order: at the very end of the file. Two small reads,
 * whatever the length. Undefined also when a seal is followed by zeros (the writer died before it could cut them off).
 */
export async function readSeal(reader: SegmentReader): Promise<Seal | undefined> {
  const at = (await reader.bytes()) - FRAME_HEADER_BYTES
  if (at < SEGMENT_HEAD_BYTES) return undefined
  const header = decodeFrameHeader(await reader.raw(at, FRAME_HEADER_BYTES), 0, reader.head.salt)
  return header?.kind === 'seal' ? { count: header.first, at: header.at } : undefined
}
