import { entryBytes } from '../journal/entry.ts'
import type { Frame } from '../journal/frame.ts'
import type { SegmentHead } from '../journal/segment-head.ts'
import { SegmentReader } from '../journal/segment-reader.ts'
import { wholeFrames } from '../journal/whole-frames.ts'
import type { Files } from '../system/files.ts'

/** The frames of a segment, in order; of damaged ones what can be read. Nothing is set aside. */
export async function* framesOf(files: Files, path: string): AsyncGenerator<{ head: SegmentHead; frame: Frame }> {
  const reader = await SegmentReader.open(files, path)
  if (!reader) return
  try {
    for await (const frame of wholeFrames(reader)) yield { head: reader.head, frame }
  } finally {
    await reader.close()
  }
}

/** Where the entries of a frame begin in its payload. */
export function entryPlaces(frame: Frame): number[] {
  const places: number[] = []
  for (let at = 0; places.length < frame.count && at < frame.payload.length; at += entryBytes(frame.payload, at)) {
    places.push(at)
  }
  return places
}
