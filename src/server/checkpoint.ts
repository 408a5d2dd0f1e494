import { decodeNote, encodeMark, entryBytes } from '../journal/entry.ts'
import { decodeFrameHeader, FRAME_MAGIC, type Frame } from '../journal/frame.ts'
import type { SegmentReader } from '../journal/segment-reader.ts'
import type { ChannelState } from './channel-state.ts'
import { type PastRow, pastRows } from './checkpoint-past.ts'
import { type IdsMark, type InboxMark, inboxMark, type StreamsMark } from './inbox-marks.ts'
import type { PositionRun } from './inbox-port.ts'
import type { VerdictKind } from './leases.ts'
import type { OwedRow } from './owed.ts'
import type { Ending, SegmentLedger } from './segment-ledger.ts'

/** Where positions [from, to) of a stream lie in a segment. */
export interface Extent {
  stream: string
  from: number
  to: number
  order: number
  at: number
  payloadAt: number
  bytes: number
  frames: number
  expiring: boolean
  receipts: boolean
  keyed: boolean
  /** Positions that hold no message. */
  holes: PositionRun[]
}

type ExtentRow = [
  stream: number,
  from: number,
  to: number,
  order: number,
  at: number,
  payloadAt: number,
  bytes: number,
  frames: number,
  /** 1: some expire; 2: some senders want to hear what becomes of them; 4: some have keys. */
  flags: number,
  holes?: PositionRun[]
]

export type LeaseRow = [
  id: string,
  until: number,
  own: 0 | 1,
  held: 0 | 1,
  told: [verdict: VerdictKind, stream: string, runs: PositionRun[]][],
  /** The name its consumer gave itself. */
  consumer?: string
]

/** The first entry of a seal: what reading the segment frame by frame would have told. docs/format.md says it again. */
export interface CheckMark {
  m: 'check'
  /** Wall ms when it was written; the newest of what lies before; the arrival order that comes next. */
  t: number
  w: number
  o: number
  /** Streams named below. */
  s: [stream: string, origin: string, node: string, priority: number, next: number][]
  b: ExtentRow[]
  /** Finished by marks of this segment. */
  f: [stream: string, how: Ending, runs: PositionRun[]][]
  /** Moved here, and from here on. */
  v: [stream: string, runs: PositionRun[]][]
  /** Streams whose senders have removed them, and when they said so. */
  r: [stream: string, at: number][]
  /** `taken` marks. */
  k: number[]
  /** The whole channel, when this was written: messages that somebody had, leases. */
  p: PastRow[]
  l: LeaseRow[]
  /** Wall ms since when it was paused, if it was. */
  z?: number
  /** Told by marks of this segment. Absent: none. */
  d?: [stream: string, runs: PositionRun[]][]
  /** The whole channel, when this was written: what senders are still to be told, and in which words it ended. */
  y?: OwedRow[]
}

/** A checkpoint larger than that costs more than it saves; the segment is then read frame by frame. */
const ENTRIES_MAX = 500_000
const IDS_PER_MARK = 4_000
const STREAMS_PER_MARK = 500
const TAIL_BYTES = [65_536, 1_048_576, 33_554_432]

/**
 * The payload of a seal. What lies in the segment comes from its ledger; what messages have been through, from the state, which
 * may be ahead of the disk only by hand-outs that did not get there: their leases end without a consumer.
 *
 * @returns undefined when it would be too large.
 */
export function encodeCheckpoint(
  ledger: SegmentLedger,
  state: ChannelState,
  now: { wall: number; ticks: number }
): Buffer[] | undefined {
  const past = pastRows(state, now)
  const leases = leaseRows(state)
  const size = ledger.extents.length + past.length + leases.length + ledger.keys.length / 4 + ledger.streams.size
  if (size > ENTRIES_MAX) return undefined
  const streams = [...ledger.streams.values()]
  const index = new Map(streams.map(({ id }, i) => [id, i]))
  const f: CheckMark['f'] = []
  let runs = 0
  for (const [id, finished] of ledger.finished)
    for (const how of ['done', 'dead', 'expired'] as const)
      if (finished[how].list.length > 0) {
        f.push([id, how, [...finished[how].list]])
        runs += finished[how].list.length
      }
  if (size + runs > ENTRIES_MAX) return undefined
  const check: CheckMark = {
    m: 'check',
    t: now.wall,
    w: ledger.newestAt,
    o: ledger.order,
    s: streams.map(({ id, origin, node, priority, next }) => [id, origin, node, priority, next]),
    b: ledger.extents.map(extent => {
      const { stream, from, to, order, at, payloadAt, bytes, frames, expiring, receipts, keyed, holes } = extent
      const flags = (expiring ? 1 : 0) + (receipts ? 2 : 0) + (keyed ? 4 : 0)
      const row: ExtentRow = [index.get(stream)!, from, to, order, at, payloadAt, bytes, frames, flags]
      if (holes.length > 0) row.push(holes)
      return row
    }),
    f,
    v: [...ledger.moved].map(([id, moved]) => [id, [...moved.list]]),
    r: [...ledger.removed],
    k: ledger.taken,
    p: past,
    l: leases,
    ...(state.pausedAt !== undefined && { z: state.pausedAt })
  }
  if (ledger.told.size > 0) check.d = [...ledger.told].map(([id, told]) => [id, [...told.list]])
  if (state.owed.size > 0) check.y = state.owed.rows()
  return [check, ...refusedMarks(ledger), ...ledger.idMarks, ...idMarks(ledger)].map(mark => encodeMark(mark))
}

/** The checkpoint at the end of a sealed segment, and the marks that follow it there. Undefined when there is none. */
export async function readCheckpoint(
  reader: SegmentReader
): Promise<{ check: CheckMark; marks: InboxMark[]; frame: Frame } | undefined> {
  const frame = await readSeal(reader)
  if (frame === undefined) return undefined
  const notes: unknown[] = []
  const { payload } = frame
  for (let i = 0, at = 0; i < frame.count && at < payload.length; i++, at += entryBytes(payload, at))
    notes.push(decodeNote(payload, at))
  const [first, ...rest] = notes
  if (!isCheck(first)) return undefined
  return { check: first, marks: rest.flatMap(note => inboxMark(note) ?? []), frame }
}

/** The last frame of a segment, if it is a seal: it ends where the file ends. */
async function readSeal(reader: SegmentReader): Promise<Frame | undefined> {
  const size = await reader.bytes()
  for (const tail of TAIL_BYTES) {
    const from = Math.max(0, size - tail)
    const bytes = await reader.raw(from, size - from)
    for (
      let at = bytes.lastIndexOf(FRAME_MAGIC);
      at !== -1;
      at = at === 0 ? -1 : bytes.lastIndexOf(FRAME_MAGIC, at - 1)
    ) {
      const header = decodeFrameHeader(bytes, at, reader.head.salt)
      if (header === undefined) continue
      if (header.kind !== 'seal' || from + at + header.headerBytes + header.payloadBytes !== size) return undefined
      if (header.count === 0) return undefined
      return (await reader.read(from + at, size - from - at + 1)).frames[0]
    }
    if (from === 0) return undefined
  }
  return undefined
}

function isCheck(note: unknown): note is CheckMark {
  if (typeof note !== 'object' || note === null || (note as { m?: unknown }).m !== 'check') return false
  const { t, w, o, s, b, f, v, r, k, p, l } = note as Record<keyof CheckMark, unknown>
  return [t, w, o].every(Number.isSafeInteger) && [s, b, f, v, r, k, p, l].every(Array.isArray)
}

function leaseRows(state: ChannelState): LeaseRow[] {
  const row =
    (held: 0 | 1) =>
    (lease: ReturnType<ChannelState['leases']['held']>[number]): LeaseRow => [
      lease.id,
      lease.untilWall,
      lease.own ? 1 : 0,
      held,
      lease.told(),
      ...(lease.consumer === undefined ? ([] as const) : ([lease.consumer] as const))
    ]
  return [...state.leases.over().map(row(0)), ...state.leases.held().map(row(1))]
}

function refusedMarks(ledger: SegmentLedger): StreamsMark[] {
  const rows = [...ledger.streams.values()].filter(({ refused }) => refused.length > 0)
  const marks: StreamsMark[] = []
  for (let at = 0; at < rows.length; at += STREAMS_PER_MARK)
    marks.push({
      m: 'streams',
      q: rows
        .slice(at, at + STREAMS_PER_MARK)
        .map(({ id, origin, node, priority, next, refused }) => [id, origin, node, priority, next, refused])
    })
  return marks
}

function idMarks({ keys, keysAt }: SegmentLedger): IdsMark[] {
  const marks: IdsMark[] = []
  for (let at = 0; at < keys.length; at += IDS_PER_MARK) {
    const k = Buffer.from(keys.slice(at, at + IDS_PER_MARK).join(''), 'latin1').toString('base64')
    marks.push({ m: 'ids', t: keysAt, k })
  }
  return marks
}
