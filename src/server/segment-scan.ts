import { type Beyond, vouchedAfter } from '../journal/beyond.ts'
import type { Frame } from '../journal/frame.ts'
import { framesIn, salvageFrames } from '../journal/salvage.ts'
import { SEGMENT_HEAD_BYTES } from '../journal/segment-head.ts'
import type { SegmentReader } from '../journal/segment-reader.ts'
import { type LostPositions, quarantine } from '../spool/quarantine.ts'
import type { Spool } from '../spool/spool.ts'
import { Runs } from './runs.ts'

const EMPTY = Buffer.alloc(0)
const READ_BYTES = 1_048_576
const SALVAGE_BYTES_MAX = 67_108_864

/**
 * All frames of an inbox segment that nobody writes to any more, and what can be read of damaged ones; many at a time.
 *
 * What lies below a place that some frame knows to be synced was once acknowledged: if it cannot be read, that is damage;
 * it is set aside, and what is whole in it is kept. Anything else that is no frame is what a crash leaves behind, and with
 * it whatever follows: nobody was told of that.
 */
export async function* scanSegment(
  spool: Spool,
  reader: SegmentReader,
  nextOf?: (stream: string) => number
): AsyncGenerator<Frame[]> {
  let offset = SEGMENT_HEAD_BYTES
  for (;;) {
    const { frames, next, stop } = await reader.read(offset, READ_BYTES)
    if (frames.length > 0) yield frames
    offset = next
    if (stop === 'more') continue
    const after = await vouchedAfter(reader, offset)
    if (after === undefined) return
    yield await stepOver(spool, reader, { from: offset, after, nextOf })
    offset = after.offset
  }
}

async function stepOver(
  spool: Spool,
  reader: SegmentReader,
  bad: { from: number; after: Beyond; nextOf: ((stream: string) => number) | undefined }
): Promise<Frame[]> {
  const { from, after, nextOf } = bad
  const lost = new Lost()
  const bytes = await reader.raw(from, Math.min(after.offset - from, SALVAGE_BYTES_MAX))
  const frames: Frame[] = []
  for (const found of salvageFrames(bytes, reader.head.salt)) {
    const { at, header, entries, frameBytes } = found
    if (header.source !== undefined) lost.add(header.source.stream, header.source.from, header.source.to)
    frames.push(...framesIn(found, from))
    // What is lost of it was here all the same: sent again it may be one that was finished long ago.
    if (header.source !== undefined && entries.length < header.count) {
      const end = Math.min(from + at + frameBytes, after.offset)
      frames.push({ ...header, kind: 'skip', offset: from + at, payloadAt: end, end, count: 0, payload: EMPTY })
    }
  }
  if (nextOf !== undefined) lost.addGaps([after, ...(await reader.read(after.offset, READ_BYTES)).frames], nextOf)
  const saved = frames.filter(({ count }) => count > 0)
  for (const { source } of saved) if (source !== undefined) lost.saved(source.stream, source.from, source.to)
  await quarantine(spool, reader, {
    path: reader.path,
    from,
    to: after.offset,
    lost: lost.list(),
    saved: saved.length,
    why: 'it was synced and is no longer what was written'
  })
  return frames
}

/** Positions that were in a damaged place, as far as that can be told. */
class Lost {
  readonly #runs = new Map<string, { lost: Runs; saved: Runs }>()

  add(stream: string, from: number, to: number): void {
    this.#of(stream).lost.add(from, to)
  }

  saved(stream: string, from: number, to: number): void {
    this.#of(stream).saved.add(from, to)
  }

  /** A stream that goes on behind the place further than it was before: what lies between was in it. */
  addGaps(frames: readonly Pick<Frame, 'source'>[], nextOf: (stream: string) => number): void {
    const seen = new Set<string>()
    for (const { source } of frames) {
      if (source === undefined || seen.has(source.stream)) continue
      seen.add(source.stream)
      this.add(source.stream, nextOf(source.stream), source.from)
    }
  }

  list(): LostPositions[] {
    return [...this.#runs].flatMap(([stream, { lost, saved }]) =>
      lost.list.flatMap(([from, to]) => saved.gaps(from, to)).map(([from, to]): LostPositions => [from, to, stream])
    )
  }

  #of(stream: string): { lost: Runs; saved: Runs } {
    let runs = this.#runs.get(stream)
    if (runs === undefined) {
      runs = { lost: new Runs(), saved: new Runs() }
      this.#runs.set(stream, runs)
    }
    return runs
  }
}
