import { decodeNote, entryBytes } from '../journal/entry.ts'
import type { Frame } from '../journal/frame.ts'
import type { ChannelState } from './channel-state.ts'
import { type Ids, KEY_BYTES } from './ids.ts'
import { type BackMark, type InboxMark, inboxMark, type LeaseMark } from './inbox-marks.ts'
import { ChannelLease } from './leases.ts'
import type { Block, SegmentState } from './pieces.ts'
import { readBack } from './sift.ts'
import type { StreamState } from './stream-state.ts'

/** What the fold of a channel needs besides its frames. */
export interface FoldInto {
  channel: string
  state: ChannelState
  ids: Ids
  /** Wall ms and ticks when this is done. */
  now: number
  ticks: number
}

/** Takes one more frame of a channel's journal into its state. A frame read twice, or copied, changes nothing the second time. */
export function foldFrame(into: FoldInto, frame: Frame, segment: SegmentState): void {
  segment.newestAt = Math.max(segment.newestAt, frame.at)
  if (frame.kind === 'seal') return
  if (frame.source === undefined) {
    let at = 0
    for (let i = 0; i < frame.count && at < frame.payload.length; i++, at += entryBytes(frame.payload, at)) {
      const mark = inboxMark(decodeNote(frame.payload, at))
      if (mark !== undefined) foldMark(into, mark, frame.at)
    }
    return
  }
  const { state, channel } = into
  const { source } = frame
  const stream = state.stream(source.stream, { ...source, channel })
  if (frame.kind === 'data') foldData(into, frame, stream, segment)
  stream.next = Math.max(stream.next, source.to)
  stream.pending = stream.next
}

function foldData(into: FoldInto, frame: Frame, stream: StreamState, segment: SegmentState): void {
  const { state, ids, channel } = into
  const { from, to, order, origin } = frame.source!
  const { present, expires, keys, refused } = readBack(frame.payload, { origin, channel, from, count: to - from })
  const block: Block = {
    stream,
    from,
    to,
    order,
    at: frame.at,
    segment,
    path: segment.path,
    payloadAt: frame.payloadAt,
    bytes: frame.payload.length,
    offsets: undefined,
    expires,
    live: 0
  }
  const known = stream.next
  if (from < known) state.repoint(block)
  state.arrive(
    block,
    present.filter(run => run[1] > known).map(([begin, end]) => [Math.max(begin, known), end])
  )
  stream.refuse(refused)
  for (const key of keys) ids.add(key, frame.at)
}

function foldMark(into: FoldInto, mark: InboxMark, at: number): void {
  const { state, ids } = into
  if (mark.m === 'void' || mark.m === 'taken') return
  if (mark.m === 'ids') {
    const keys = Buffer.from(mark.k, 'base64')
    for (let at = 0; at + KEY_BYTES <= keys.length; at += KEY_BYTES)
      ids.add(keys.toString('latin1', at, at + KEY_BYTES), mark.t)
    return
  }
  if (mark.m === 'keep') {
    const lease = state.leases.get(mark.l)
    if (lease === undefined) return
    lease.untilWall = mark.u
    if (mark.o === 0) lease.own = false
    return
  }
  if (mark.m === 'streams') {
    for (const [id, origin, node, priority, next, refused] of mark.q) {
      const stream = state.stream(id, { origin, node, priority, channel: into.channel })
      stream.next = Math.max(stream.next, next)
      stream.pending = stream.next
      stream.refuse(refused)
    }
    return
  }
  const stream = state.streams.get(mark.s)
  if (stream === undefined) return
  const lease = 'l' in mark && mark.l !== undefined ? state.leases.get(mark.l) : undefined
  if (mark.m === 'lease') {
    foldLease(into, mark, stream)
    return
  }
  const verdict = mark.m === 'done' ? 'ack' : mark.m === 'expired' ? undefined : mark.v
  if (lease !== undefined && verdict !== undefined)
    for (const [from, to] of mark.r) lease.tell(mark.s, verdict, from, to)
  if (mark.m === 'back') {
    foldBack(into, mark, stream)
    return
  }
  const pieces = state.extract(stream, mark.r)
  const held = pieces.map(piece => piece.lease)
  state.finish(pieces, mark.m, at)
  checkAll(state, held)
}

function foldLease(into: FoldInto, mark: LeaseMark, stream: StreamState): void {
  const { state } = into
  const pieces = state.extract(stream, mark.r)
  const before = pieces.map(piece => piece.lease)
  let lease = state.leases.get(mark.l)
  lease ??= new ChannelLease(mark.l, { untilWall: mark.u, own: mark.o === 1 })
  for (const piece of pieces) {
    piece.deliveries = mark.d ?? 1
    piece.attempts = mark.a ?? 0
  }
  state.lease(lease, pieces)
  checkAll(state, [...before, lease])
}

function foldBack(into: FoldInto, mark: BackMark, stream: StreamState): void {
  const { state, now, ticks } = into
  const attempts = mark.a ?? 0
  const pieces = state.extract(stream, mark.r)
  const held = pieces.map(piece => piece.lease)
  // A clock that went back meanwhile makes nobody wait longer than was meant.
  const waitMs = mark.u === undefined ? 0 : Math.min(mark.u - now, mark.u - mark.t)
  for (const piece of pieces) {
    const failed = attempts > piece.attempts ? { at: mark.t, reason: mark.e ?? '' } : undefined
    piece.attempts = failed === undefined ? attempts : attempts - 1
    state.back([piece], { dueAt: ticks + waitMs, ticks, ...(failed && { failed }) })
  }
  checkAll(state, held)
}

function checkAll(state: ChannelState, leases: readonly (ChannelLease | undefined)[]): void {
  for (const lease of new Set(leases)) if (lease !== undefined) state.leases.check(lease)
}
