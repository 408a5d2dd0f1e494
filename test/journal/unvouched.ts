import { decodeFrameHeader, encodeFrameHeader, type FrameHeader } from '../../src/journal/frame.ts'
import { decodeSegmentHead, SEGMENT_HEAD_BYTES } from '../../src/journal/segment-head.ts'

/**
 * The last frame of a segment, where it begins, and its bytes as they would be had nothing been synced before it: of damage ahead
 * of it nobody can tell then that it is no write that is under way.
 *
 * @param ahead How many positions later.
 */
export function unvouched(segment: Buffer, ahead = 0): { at: number; frame: Buffer } {
  const { salt } = decodeSegmentHead(segment, 'a segment')!
  let last: (FrameHeader & { at: number; payload: Buffer; headerBytes: number }) | undefined
  for (let at = SEGMENT_HEAD_BYTES; ; ) {
    const header = decodeFrameHeader(segment, at, salt)
    if (header === undefined) break
    const end = at + header.headerBytes + header.payloadBytes
    last = { ...header, at, payload: segment.subarray(at + header.headerBytes, end) }
    at = end
  }
  const { at, headerBytes, payload, ...header } = last!
  const frame = Buffer.concat([Buffer.alloc(headerBytes), payload])
  const said = { ...header, at: 0, first: header.first + ahead, syncedTo: SEGMENT_HEAD_BYTES }
  encodeFrameHeader(frame, 0, said, [payload], salt)
  return { at, frame }
}
