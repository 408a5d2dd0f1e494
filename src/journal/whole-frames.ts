import type { Frame } from './frame.ts'
import { framesIn, salvageFrames } from './salvage.ts'
import { segmentParts } from './segment-parts.ts'
import type { SegmentReader } from './segment-reader.ts'

/** What is searched for readable entries in one damaged place. */
export const SALVAGE_BYTES_MAX = 67_108_864

/** Gives what can still be read in a damaged place, [from, to): each entry as a frame of its own. */
export type Salvage = (reader: SegmentReader, from: number, to: number) => Promise<Frame[]>

/** All frames of a segment, and of damaged places what can still be read. */
export async function* wholeFrames(
  reader: SegmentReader,
  from?: number,
  salvage: Salvage = savedFrames
): AsyncGenerator<Frame, void> {
  for await (const part of segmentParts(reader, from)) {
    if (part.kind === 'frame') yield part.frame
    else if (part.kind === 'damage') yield* await salvage(reader, part.from, part.to)
  }
}

/** What can still be read in a damaged place. */
export async function savedFrames(reader: SegmentReader, from: number, to: number): Promise<Frame[]> {
  const bytes = await reader.raw(from, Math.min(to - from, SALVAGE_BYTES_MAX))
  return [...salvageFrames(bytes, reader.head.salt)].flatMap(found => framesIn(found, from))
}
