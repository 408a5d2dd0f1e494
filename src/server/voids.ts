import { decodeNote, entryBytes, MARK } from '../journal/entry.ts'
import type { Frame } from '../journal/frame.ts'
import { SEGMENT_HEAD_BYTES } from '../journal/segment-head.ts'
import type { SegmentName } from '../journal/segment-names.ts'
import { SegmentReader } from '../journal/segment-reader.ts'
import { wholeFrames } from '../journal/whole-frames.ts'
import type { Files } from '../system/files.ts'
import { inboxMark, type VoidMark } from './inbox-marks.ts'

/** A look at the first frame, which is read whole: a `void` mark is one of its first entries. */
const FIRST_BYTES = 4_096
/** Segments looked into at once: the disk has few threads. */
const READ_AT_ONCE = 8

/** What never happened, whatever bytes of it there are. */
export interface Void extends VoidMark {
  writer: string
  /** The segment that says so. */
  before: number
}

/** What the segments of one channel say never happened. Read before anything of them is believed. */
export async function readVoids(files: Files, names: readonly SegmentName[]): Promise<Void[]> {
  const voids: Void[][] = []
  for (let at = 0; at < names.length; at += READ_AT_ONCE)
    voids.push(...(await Promise.all(names.slice(at, at + READ_AT_ONCE).map(name => voidsOf(files, name)))))
  return voids.flat()
}

async function voidsOf(files: Files, name: SegmentName): Promise<Void[]> {
  const reader = await SegmentReader.open(files, name.path)
  if (reader === undefined) return []
  try {
    return (await firstFrames(reader)).flatMap(frame => voidsIn(frame, name))
  } finally {
    await reader.close()
  }
}

/** The first frame; or, if it is damaged, what can be read of it: what it takes back would else be believed. */
async function firstFrames(reader: SegmentReader): Promise<Frame[]> {
  const [first] = (await reader.read(SEGMENT_HEAD_BYTES, FIRST_BYTES)).frames
  if (first !== undefined) return [first]
  const frames: Frame[] = []
  for await (const frame of wholeFrames(reader)) {
    if (frame.offset !== SEGMENT_HEAD_BYTES) break
    frames.push(frame)
  }
  return frames
}

/** What the writer of segment `n` says that it never wrote, or who read that of another writer. */
export function voidsIn(frame: Frame, { writer, n }: Pick<SegmentName, 'writer' | 'n'>): Void[] {
  const { source, kind, offset, count, payload } = frame
  if (source !== undefined || kind === 'seal' || offset !== SEGMENT_HEAD_BYTES) return []
  const voids: Void[] = []
  for (let i = 0, at = 0; i < count && at < payload.length; i++, at += entryBytes(payload, at)) {
    const mark = payload[at + 8] === MARK ? inboxMark(decodeNote(payload, at)) : undefined
    if (mark?.m === 'void') voids.push({ ...mark, writer: mark.w ?? writer, before: mark.b ?? n })
  }
  return voids
}

/** @param place A frame, or where it began. */
export function isVoid(
  gone: Void,
  { writer, n }: Pick<SegmentName, 'writer' | 'n'>,
  place: { offset: number }
): boolean {
  if (writer !== gone.writer || n >= gone.before || n < gone.n) return false
  return n > gone.n || place.offset >= gone.at
}
