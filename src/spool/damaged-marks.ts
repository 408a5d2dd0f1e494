import { salvageFrames } from '../journal/salvage.ts'
import type { SegmentReader } from '../journal/segment-reader.ts'
import { type LostPositions, quarantine } from './quarantine.ts'
import type { Spool } from './spool.ts'

/**
 * What can still be read in a damaged place of a journal of marks: entries that lay side by side, one after the other. The place is
 * set aside.
 *
 * @throws DroprError DISK_*
 */
export async function salvageMarks(
  spool: Spool,
  reader: SegmentReader,
  { from, to, why }: { from: number; to: number; why: string }
): Promise<Buffer[]> {
  const lost: LostPositions[] = []
  const runs: Buffer[] = []
  let saved = 0
  for (const { header, entries } of salvageFrames(await reader.raw(from, to - from), reader.head.salt)) {
    const whole = new Map(entries.map(({ index, bytes }) => [index, bytes]))
    let run: Buffer[] = []
    for (let index = 0; index <= header.count; index++) {
      const entry = whole.get(index)
      if (entry !== undefined) run.push(entry)
      else {
        if (index < header.count) lost.push([header.first + index, header.first + index + 1])
        if (run.length > 0) runs.push(Buffer.concat(run))
        run = []
      }
    }
    saved += entries.length
  }
  await quarantine(spool, reader, { path: reader.path, from, to, lost, saved, why })
  return runs
}
