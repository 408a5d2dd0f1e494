import type { Frame } from '../journal/frame.ts'
import { framesIn, type Salvaged, salvageFrames } from '../journal/salvage.ts'
import type { SegmentReader } from '../journal/segment-reader.ts'
import { SALVAGE_BYTES_MAX, type Salvage } from '../journal/whole-frames.ts'
import { type LostPositions, quarantine } from './quarantine.ts'
import type { Spool } from './spool.ts'

/**
 * What can still be read in a damaged place among the dead letters, or the marks about them, for the inbox's owner: the place is
 * set aside. Whoever else reads there only takes what is whole.
 */
export function salvageLetters(spool: Spool): Salvage {
  return async (reader: SegmentReader, from: number, to: number): Promise<Frame[]> => {
    const bytes = await reader.raw(from, Math.min(to - from, SALVAGE_BYTES_MAX))
    const found = [...salvageFrames(bytes, reader.head.salt)]
    const lost = found.flatMap(lostIn)
    const saved = found.reduce((sum, { entries }) => sum + entries.length, 0)
    const why = 'it was synced and is no longer what was written'
    await quarantine(spool, reader, { path: reader.path, from, to, lost, saved, why })
    return found.flatMap(frame => framesIn(frame, from))
  }
}

/** A letter by its place in the stream it came on, a mark by its place in the segment. */
function lostIn({ header, entries }: Salvaged): LostPositions[] {
  const { count, source, first } = header
  const whole = new Set(entries.map(({ index }) => index))
  const gone = Array.from({ length: count }, (_, index) => index).filter(index => !whole.has(index))
  return gone.map(index =>
    source === undefined
      ? [first + index, first + index + 1]
      : [source.from + index, source.from + index + 1, source.stream]
  )
}
