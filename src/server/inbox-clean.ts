import { diskError } from '../errors.ts'
import { decodeNote, entryBytes } from '../journal/entry.ts'
import { SegmentReader } from '../journal/segment-reader.ts'
import type { Limits } from '../limits.ts'
import type { Spool } from '../spool/spool.ts'
import type { ChannelInbox } from './channel-inbox.ts'
import type { Ids } from './ids.ts'
import { type IdsMark, inboxMark, type StreamsMark } from './inbox-marks.ts'
import type { SegmentState } from './pieces.ts'
import { scanSegment } from './segment-scan.ts'
import { readBack } from './sift.ts'

const STREAMS_PER_MARK = 500
const IDS_PER_MARK = 4_000

export interface CleanOptions {
  spool: Spool
  limits: Limits
  channel: ChannelInbox
  ids: Ids
}

/**
 * Removes the oldest segments of a channel, as far as everything in them is finished and past its retention.
 *
 * Only ever the oldest: a mark lies behind what it is about, so what is left never lacks one. What still counts is written
 * again first, synced: how far streams are, refusals, ids. Each removal is durable before the next, so that no message can
 * come back without the mark that finished it.
 *
 * @returns How many went.
 * @throws DroprError DISK_*
 */
export async function cleanChannel(options: CleanOptions): Promise<number> {
  const { spool, channel } = options
  const { files } = spool.system
  const going = await oldOnes(options)
  if (going.length === 0) return 0
  try {
    const marks: object[] = streamMarks(channel)
    for (const segment of going) marks.push(...(await idMarks(options, segment)))
    await Promise.all(marks.map(mark => channel.journal.mark(mark)))
    for (const segment of going) {
      await files.remove(segment.path)
      await files.syncFolder(spool.inbox(channel.name))
      channel.segments.delete(segment.path)
    }
    return going.length
  } catch (error) {
    throw diskError(error, `clean ${spool.inbox(channel.name)}`)
  }
}

async function oldOnes({ spool, limits, channel }: CleanOptions): Promise<SegmentState[]> {
  const { clock, files } = spool.system
  const now = clock.now()
  const segments = [...channel.segments.values()].sort((a, b) => a.n - b.n)
  // The newest may still be written to.
  const closed = segments.filter(({ n }) => n < channel.journal.newest)
  const finished = closed.findIndex(({ live }) => live > 0)
  const candidates = finished === -1 ? closed : closed.slice(0, finished)
  if (candidates.length === 0) return []
  const bytes = await Promise.all(segments.map(async ({ path }) => (await files.stat(path))?.bytesUsed ?? 0))
  let kept = bytes.reduce((sum, one) => sum + one, 0)
  const going: SegmentState[] = []
  for (const [i, segment] of candidates.entries()) {
    const since = Math.max(segment.doneAt, segment.newestAt)
    // What is from the future (the clock was set back) stays.
    if (now - since <= limits.retentionMs && kept <= limits.retentionBytes) break
    kept -= bytes[i]!
    going.push(segment)
  }
  return going
}

function streamMarks(channel: ChannelInbox): StreamsMark[] {
  const streams = [...channel.state.streams.values()].filter(({ next }) => next > 0)
  const marks: StreamsMark[] = []
  for (let at = 0; at < streams.length; at += STREAMS_PER_MARK) {
    const some = streams.slice(at, at + STREAMS_PER_MARK)
    const q: StreamsMark['q'] = some.map(({ id, origin, node, priority, next }) => [
      id,
      origin,
      node,
      priority,
      next,
      []
    ])
    for (const [i, stream] of some.entries()) q[i]![5] = [...stream.refusals()]
    marks.push({ m: 'streams', q })
  }
  return marks
}

/** The ids that are known from a segment only. */
async function idMarks({ spool, channel, ids }: CleanOptions, segment: SegmentState): Promise<IdsMark[]> {
  const reader = await SegmentReader.open(spool.system.files, segment.path)
  if (reader === undefined) return []
  const marks: IdsMark[] = []
  let keys: string[] = []
  let t = 0
  const put = () => {
    if (keys.length > 0) marks.push({ m: 'ids', t, k: Buffer.from(keys.join(''), 'latin1').toString('base64') })
    keys = []
    t = 0
  }
  try {
    for await (const { source, payload, count, at, kind } of scanSegment(spool, reader)) {
      if (!ids.counts(at)) continue
      if (source !== undefined && kind === 'data') {
        const { origin, from } = source
        keys.push(...readBack(payload, { origin, channel: channel.name, from, count }).keys)
        t = Math.max(t, at)
        if (keys.length >= IDS_PER_MARK) put()
      } else if (source === undefined) {
        for (let i = 0, place = 0; i < count && place < payload.length; i++, place += entryBytes(payload, place)) {
          const mark = inboxMark(decodeNote(payload, place))
          if (mark?.m === 'ids' && ids.counts(mark.t)) marks.push(mark)
        }
      }
    }
    put()
    return marks
  } finally {
    await reader.close()
  }
}
