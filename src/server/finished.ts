import { decodeNote, entryBytes, MARK } from '../journal/entry.ts'
import type { Frame } from '../journal/frame.ts'
import { listSegments, type SegmentName } from '../journal/segment-names.ts'
import { SegmentReader } from '../journal/segment-reader.ts'
import { wholeFrames } from '../journal/whole-frames.ts'
import type { Spool } from '../spool/spool.ts'
import { inboxMark } from './inbox-marks.ts'
import type { Runs } from './runs.ts'
import { addRuns } from './segment-ledger.ts'
import { isVoid, readVoids, type Void } from './voids.ts'

/** What the marks of a channel say of messages that are still in its files, by stream. */
export interface Finished {
  voids: Void[]
  done: Map<string, Runs>
  /** Of those: what an operator wanted to see no more. */
  wiped: Map<string, Runs>
}

/**
 * Reads the marks of a channel that were written until `began` (wall ms).
 *
 * @param came Called with frames of messages that came since.
 */
export async function readFinished(
  spool: Spool,
  channel: string,
  began: number,
  came: (frame: Frame) => void = () => undefined
): Promise<Finished> {
  const segments = await listSegments(spool.system.files, spool.inbox(channel))
  const voids = await readVoids(spool.system.files, segments)
  const done = new Map<string, Runs>()
  const wiped = new Map<string, Runs>()
  for (const segment of segments)
    for await (const frame of framesOf(spool, segment, voids)) {
      const { source, payload, at: writtenAt } = frame
      if (source !== undefined && frame.kind === 'data' && writtenAt >= began) came(frame)
      if (source !== undefined || writtenAt > began) continue
      for (let at = 0; at < payload.length; at += entryBytes(payload, at)) {
        const mark = payload[at + 8] === MARK ? inboxMark(decodeNote(payload, at)) : undefined
        if (mark?.m === 'done') addRuns(done, mark.s, mark.r)
        if (mark?.m === 'wiped') addRuns(wiped, mark.s, mark.r)
      }
    }
  return { voids, done, wiped }
}

/** The frames of a segment that count. */
export async function* framesOf(
  spool: Spool,
  segment: SegmentName,
  voids: readonly Void[],
  offset?: number
): AsyncGenerator<Frame> {
  const reader = await SegmentReader.open(spool.system.files, segment.path)
  if (reader === undefined) return
  try {
    for await (const frame of wholeFrames(reader, offset))
      if (!voids.some(gone => isVoid(gone, segment, frame))) yield frame
  } finally {
    await reader.close()
  }
}
