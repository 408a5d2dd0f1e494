import { diskError } from '../errors.ts'
import { decodeNote, entryBytes } from '../journal/entry.ts'
import { listSegments } from '../journal/segment-names.ts'
import { SegmentReader } from '../journal/segment-reader.ts'
import type { Limits } from '../limits.ts'
import { isOurs } from '../names.ts'
import type { Spool } from '../spool/spool.ts'
import type { ChannelInbox } from './channel-inbox.ts'
import { readCheckpoint } from './checkpoint.ts'
import { type Ids, KEY_BYTES } from './ids.ts'
import { type IdsMark, type InboxMark, inboxMark, type PauseMark } from './inbox-marks.ts'
import { moveWaiting, waitingIn } from './inbox-move.ts'
import { inTurn } from './inbox-turns.ts'
import type { SegmentState } from './pieces.ts'
import { streamMarks } from './remains.ts'
import { forgetRemoved } from './removed-streams.ts'
import { scanSegment } from './segment-scan.ts'
import { readBack } from './sift.ts'

const IDS_PER_MARK = 4_000
/** Moved in one cleaning at most. */
const MOVED_BYTES_MAX = 268_435_456

export interface CleanOptions {
  spool: Spool
  limits: Limits
  channel: ChannelInbox
  ids: Ids
  /** Space is short: the segment that is written to is ended too, so that what is finished in it can go. */
  pressed?: boolean
  /** Segments that may go whatever their age: nobody wants to see anything of them. */
  whole?: ReadonlySet<string>
}

/**
 * Removes the oldest segments of a channel, as far as what is finished in them is past its retention. The few messages that
 * still wait in them are moved first, so that one old message does not keep what came after it.
 *
 * Only ever the oldest: a mark lies behind what it is about, so what is left never lacks one. What still counts is written
 * again first, synced: how far streams are, refusals, ids. Each removal is durable before the next, so that no message can
 * come back without the mark that finished it.
 *
 * @returns How many went.
 * @throws DroprError DISK_*
 */
export function cleanChannel(options: CleanOptions): Promise<number> {
  return inTurn(options.channel, () => cleanOnce(options))
}

async function cleanOnce(options: CleanOptions): Promise<number> {
  const { spool, channel } = options
  const { files } = spool.system
  forgetRemoved(channel, spool.system.clock.now())
  await channel.remains?.forgetOld()
  // What senders are still to be told lies there.
  if (channel.state.owed.size > 0) return 0
  if (options.pressed === true || endsWhole(options)) await endNewest(channel)
  const candidates = await oldOnes(options)
  if (candidates.length === 0) return 0
  try {
    for (const segment of candidates)
      if (segment.live > 0) await moveWaiting({ spool, channel, reader: channel.reader }, segment)
    const busy = candidates.findIndex(({ live }) => live > 0)
    const going = busy === -1 ? candidates : candidates.slice(0, busy)
    if (going.length === 0) return 0
    const marks: object[] = [...streamMarks(channel), ...pauseMark(channel)]
    for (const segment of going) marks.push(...(await idMarks(options, segment.path)))
    await Promise.all(marks.map(mark => channel.journal.mark(mark)))
    if (channel.state.owed.size > 0) return 0
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

function endsWhole({ channel, whole }: CleanOptions): boolean {
  const newest = [...channel.segments.values()].find(({ n }) => n === channel.journal.newest)
  return newest !== undefined && newest.live === 0 && whole?.has(newest.path) === true
}

/** What is stated first in the next segment is what is stated before any removal. */
async function endNewest(channel: ChannelInbox): Promise<void> {
  const newest = [...channel.segments.values()].find(({ n }) => n === channel.journal.newest)
  if (newest === undefined || newest.live === newest.messages) return
  channel.journal.rotate()
  await Promise.all(streamMarks(channel).map(mark => channel.journal.mark(mark)))
}

/**
 * The oldest segments that may go now. Some still hold messages that wait: those are to be moved, as long as that costs no more
 * than it gives back.
 */
export async function oldOnes({ spool, channel, ...options }: Omit<CleanOptions, 'ids'>): Promise<SegmentState[]> {
  const { receiptMs } = options.limits
  const limits = isOurs(channel.name) ? { ...options.limits, retentionMs: receiptMs } : options.limits
  const { clock, files } = spool.system
  const now = clock.now()
  // Those that only marks were written to, and those that failed: an older one that stayed would be believed again without the
  // mark that takes it back.
  for (const { path, n } of await listSegments(files, spool.inbox(channel.name)))
    if (!channel.segments.has(path))
      channel.segments.set(path, { path, n, live: 0, messages: 0, newestAt: 0, doneAt: 0 })
  // The newest may still be written to.
  const closed = [...channel.segments.values()].filter(({ n }) => n < channel.journal.newest).sort((a, b) => a.n - b.n)
  if (closed.every(({ live, messages }) => messages > 0 && live === messages)) return []
  const bytes = await Promise.all(closed.map(async ({ path }) => (await files.stat(path))?.bytesUsed ?? 0))
  const waiting = closed.map(({ live, messages }, i) => (live === 0 ? 0 : bytes[i]! * Math.min(1, live / messages)))
  let kept = bytes.reduce((sum, one, i) => sum + one - waiting[i]!, 0)
  let cost = 0
  let gain = 0
  let count = 0
  for (const [i, segment] of closed.entries()) {
    const since = Math.max(segment.doneAt, segment.newestAt)
    const finished = bytes[i]! - waiting[i]!
    // What is from the future (the clock was set back) stays.
    const young = now - since <= limits.retentionMs && kept <= limits.retentionBytes
    if (segment.live < segment.messages && young && !options.whole?.has(segment.path)) break
    if (segment.live > 0 && waitingIn(channel, segment) === undefined) break
    kept -= finished
    gain += finished
    cost += waiting[i]!
    if (cost > MOVED_BYTES_MAX) break
    if (cost <= gain) count = i + 1
  }
  return closed.slice(0, count)
}

function pauseMark({ state: { pausedAt } }: ChannelInbox): PauseMark[] {
  return pausedAt === undefined ? [] : [{ m: 'pause', t: pausedAt }]
}

/** The ids that are known from a segment only. */
export async function idMarks(
  { spool, channel, ids }: Pick<CleanOptions, 'spool' | 'channel' | 'ids'>,
  path: string
): Promise<IdsMark[]> {
  const reader = await SegmentReader.open(spool.system.files, path)
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
    const checkpoint = await readCheckpoint(reader)
    if (checkpoint !== undefined) {
      for (const mark of checkpoint.marks) marks.push(...stillKnown(mark, ids))
      return marks
    }
    for await (const frames of scanSegment(spool, reader))
      for (const { source, payload, count, at, kind } of frames) {
        if (!ids.counts(at)) continue
        if (source !== undefined && kind === 'data') {
          const { origin, from } = source
          const read = readBack(payload, { origin, channel: channel.name, from, count })
          // Not those of a commit that failed, or of a tail that nobody was told of.
          keys.push(...read.keys.filter(key => ids.remembers(key)))
          t = Math.max(t, at)
          if (keys.length >= IDS_PER_MARK) put()
        } else if (source === undefined) {
          for (let i = 0, place = 0; i < count && place < payload.length; i++, place += entryBytes(payload, place)) {
            const mark = inboxMark(decodeNote(payload, place))
            if (mark !== undefined) marks.push(...stillKnown(mark, ids))
          }
        }
      }
    put()
    return marks
  } finally {
    await reader.close()
  }
}

/** An `ids` mark again, with those of its ids that count. */
function stillKnown(mark: InboxMark, ids: Ids): IdsMark[] {
  if (mark.m !== 'ids' || !ids.counts(mark.t)) return []
  const keys = Buffer.from(mark.k, 'base64')
  const known: Buffer[] = []
  for (let at = 0; at + KEY_BYTES <= keys.length; at += KEY_BYTES)
    if (ids.remembers(keys.toString('latin1', at, at + KEY_BYTES))) known.push(keys.subarray(at, at + KEY_BYTES))
  return known.length === 0 ? [] : [{ ...mark, k: Buffer.concat(known).toString('base64') }]
}
