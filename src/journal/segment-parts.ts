import { type Beyond, vouchedAfter } from './beyond.ts'
import type { Frame } from './frame.ts'
import { SEGMENT_HEAD_BYTES } from './segment-head.ts'
import type { SegmentReader } from './segment-reader.ts'

const READ_BYTES = 1_048_576

/** A piece of a segment. */
export type SegmentPart =
  | { kind: 'frame'; frame: Frame }
  /** Bytes that were synced once and are no longer what was written; `before` is what follows: a frame, or what can be believed of one. */
  | { kind: 'damage'; from: number; to: number; before: Beyond }
  /** Where the good frames end. What follows was never vouched for: what a crash leaves, what is being written, or nothing. */
  | { kind: 'end'; at: number; sealed: boolean; syncedTo: number }

/**
 * Reads a segment to its end and judges what is bad: below the highest `syncedTo` of any later header it is damage, above it
 * a torn tail, which is no error.
 */
export async function* segmentParts(
  reader: SegmentReader,
  from = SEGMENT_HEAD_BYTES
): AsyncGenerator<SegmentPart, void> {
  let at = from
  let sealed = false
  let syncedTo = 0
  for (;;) {
    const { frames, next, stop } = await reader.read(at, READ_BYTES)
    for (const frame of frames) {
      syncedTo = Math.max(syncedTo, frame.kind === 'seal' ? frame.end : frame.syncedTo)
      sealed = frame.kind === 'seal'
      yield { kind: 'frame', frame }
    }
    at = next
    if (stop === 'more') continue
    const before = sealed ? undefined : await vouchedAfter(reader, at)
    if (before === undefined) break
    // What a live writer was just writing when it was read may be whole now.
    if (before.offset === at || (await reader.read(at, READ_BYTES)).frames.length > 0) continue
    yield { kind: 'damage', from: at, to: before.offset, before }
    at = before.offset
  }
  yield { kind: 'end', at, sealed, syncedTo }
}
