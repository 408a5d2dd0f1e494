import { decodeNote, entryBytes } from '../journal/entry.ts'
import type { Frame } from '../journal/frame.ts'
import { listSegments } from '../journal/segment-names.ts'
import { SegmentReader } from '../journal/segment-reader.ts'
import { isOurs } from '../names.ts'
import type { Spool } from '../spool/spool.ts'
import { type FoldInto, foldFrame } from './channel-fold.ts'
import { type CheckMark, readCheckpoint } from './checkpoint.ts'
import { foldCheckpoint, foldPast } from './checkpoint-fold.ts'
import type { InboxJournal } from './inbox-journal.ts'
import { inboxMark, type TakenMark, type VoidMark } from './inbox-marks.ts'
import { keepOnly } from './kept.ts'
import type { SegmentState } from './pieces.ts'
import type { RangeFacts } from './segment-ledger.ts'
import { scanSegment } from './segment-scan.ts'
import { readBack } from './sift.ts'
import { isVoid, readVoids, voidsIn } from './voids.ts'

/** The end of a segment that nothing vouches for: read whole, but perhaps not synced. */
interface Tail {
  writer: string
  n: number
  frames: Frame[]
}

/** What was found in a channel's folder. */
export interface Found {
  segments: Map<string, SegmentState>
  tails: Tail[]
}

/** Reads all segments of a channel into its state, as their writers, which are gone, left them. */
export async function readChannel(spool: Spool, folder: string, into: FoldInto): Promise<Found> {
  const names = await listSegments(spool.system.files, folder)
  const voids = await readVoids(spool.system.files, names)
  const found: Found = { segments: new Map(), tails: [] }
  const taken = new Set<number>()
  // Only the latest checkpoint of several in a row says what messages have been through.
  let latest: CheckMark | undefined
  for (const name of names) {
    const reader = await SegmentReader.open(spool.system.files, name.path)
    if (reader === undefined) continue
    const segment: SegmentState = { path: name.path, n: name.n, live: 0, messages: 0, newestAt: 0, doneAt: 0 }
    found.segments.set(name.path, segment)
    const checkpoint = await readCheckpoint(reader).catch(async (error: unknown) => {
      await reader.close()
      throw error
    })
    if (checkpoint !== undefined && !voids.some(gone => isVoid(gone, name, checkpoint.frame))) {
      await reader.close()
      foldCheckpoint(into, checkpoint, segment)
      for (const n of checkpoint.check.k) taken.add(n)
      latest = checkpoint.check
      continue
    }
    if (latest !== undefined) foldPast(into, latest)
    latest = undefined
    let tail: Frame[] = []
    let sealed = false
    const mine = voids.filter(({ writer }) => writer === name.writer)
    try {
      for await (const frames of scanSegment(spool, reader, id => into.state.streams.get(id)?.next ?? 0))
        for (const frame of frames) {
          if (mine.some(gone => isVoid(gone, name, frame))) continue
          foldFrame(into, frame, segment)
          if (frame.source === undefined) for (const n of takenIn(frame)) taken.add(n)
          sealed = frame.kind === 'seal'
          if (tail.length > 0 && tail[0]!.end <= frame.syncedTo) tail = tail.filter(({ end }) => end > frame.syncedTo)
          tail.push(frame)
        }
    } finally {
      await reader.close()
    }
    // Its writer went on behind a failure, and said up to where this one is good: that much was synced.
    const vouched = voids.some(gone => gone.writer === name.writer && gone.n <= name.n && name.n < gone.before)
    if (!sealed && !vouched && tail.length > 0) found.tails.push({ ...name, frames: tail })
  }
  if (latest !== undefined) foldPast(into, latest)
  found.tails = found.tails.filter(({ n }) => !taken.has(n))
  return found
}

/**
 * Writes again, into the new owner's own segment, what nothing vouches for. Resolved: all that was read is synced.
 *
 * First what never happened: the mark that says so may be gone after a power cut, and what it takes back be there again. Then
 * messages, as they came, then all other marks in one frame. Read twice they change nothing; that a tail was taken is a mark of
 * that frame too.
 */
export async function copyTails(
  tails: readonly Tail[],
  journal: InboxJournal,
  into: FoldInto,
  segments: Found['segments']
) {
  const writing: Promise<void>[] = []
  const marks: object[] = []
  for (const { writer, n, frames } of tails)
    for (const { writer: w, before: b, m, n: from, at } of frames.flatMap(frame => voidsIn(frame, { writer, n })))
      writing.push(journal.mark({ m, n: from, at, w, b } satisfies VoidMark))
  for (const { frames } of tails)
    for (const mark of frames.flatMap(frame => (frame.source === undefined ? marksIn(frame) : [])))
      if (inboxMark(mark)?.m === 'moved') writing.push(journal.mark(mark))
  for (const { n, frames } of tails) {
    for (const frame of frames) {
      if (frame.source === undefined) marks.push(...marksIn(frame))
      else writing.push(copyFrame(frame, journal, into, segments))
    }
    const mark: TakenMark = { m: 'taken', n }
    marks.push(mark)
  }
  for (const mark of marks) writing.push(journal.mark(mark))
  await Promise.all(writing)
}

async function copyFrame(
  frame: Frame,
  journal: InboxJournal,
  into: FoldInto,
  segments: Found['segments']
): Promise<void> {
  const { kind, count, at } = frame
  const { origin, from, priority } = frame.source!
  const read = readBack(frame.payload, { origin, channel: into.channel, from, count })
  if (isOurs(into.channel)) keepOnly(read)
  const facts = { ...factsOf(read, at), exact: into.state.isExact(priority) }
  const place = await journal.range({
    source: frame.source!,
    entries: [frame.payload],
    count,
    kind: kind === 'skip' ? 'skip' : 'data',
    ...(kind === 'data' && { facts })
  })
  let segment = segments.get(place.path)
  if (segment === undefined) {
    segment = { path: place.path, n: place.n, live: 0, messages: 0, newestAt: 0, doneAt: 0 }
    segments.set(place.path, segment)
  }
  foldFrame(into, { ...frame, offset: place.offset, payloadAt: place.payloadAt }, segment)
}

function factsOf(read: ReturnType<typeof readBack>, at: number): Omit<RangeFacts, 'exact'> {
  const { bytes, present, expires, orderKeys, receipts, keys, refused } = read
  const keyed = orderKeys !== undefined
  return { bytes, present, expiring: expires !== undefined, keyed, receipts, keys, refused, at }
}

function marksIn(frame: Frame): object[] {
  return notesIn(frame).filter(
    (note): note is object => typeof note === 'object' && note !== null && (note as { m?: unknown }).m !== 'void'
  )
}

function notesIn(frame: Frame): unknown[] {
  const notes: unknown[] = []
  for (let i = 0, at = 0; i < frame.count && at < frame.payload.length; i++, at += entryBytes(frame.payload, at))
    notes.push(decodeNote(frame.payload, at))
  return notes
}

function takenIn(frame: Frame): number[] {
  return marksIn(frame).flatMap(note => {
    const mark = inboxMark(note)
    return mark?.m === 'taken' ? [mark.n] : []
  })
}
