import { decodeNote, entryBytes } from '../journal/entry.ts'
import type { Frame } from '../journal/frame.ts'
import { isOurs } from '../names.ts'
import type { ChannelState } from './channel-state.ts'
import { setHeld } from './hold.ts'
import { type Ids, KEY_BYTES } from './ids.ts'
import { type BackMark, type InboxMark, inboxMark, type LeaseMark } from './inbox-marks.ts'
import type { PositionRun } from './inbox-port.ts'
import { keepOnly } from './kept.ts'
import { ChannelLease } from './leases.ts'
import type { Outcome } from './owed.ts'
import type { Block, SegmentState } from './pieces.ts'
import { repoint } from './rehome.ts'
import type { Runs } from './runs.ts'
import { addRuns, type Ending } from './segment-ledger.ts'
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
  /** What marks say is finished, and what was moved, by stream: a message that was moved must not come back. */
  finished: Map<string, Runs>
  moved: Map<string, Runs>
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
  const { origin, node, priority } = source
  const stream = state.streams.get(source.stream) ?? state.stream(source.stream, { origin, node, priority, channel })
  if (frame.kind === 'data') foldData(into, frame, stream, segment)
  stream.next = Math.max(stream.next, source.to)
  stream.pending = stream.next
}

function foldData(into: FoldInto, frame: Frame, stream: StreamState, segment: SegmentState): void {
  const { ids, channel } = into
  const { from, to, order, origin } = frame.source!
  const read = readBack(frame.payload, { origin, channel, from, count: to - from })
  if (isOurs(channel)) keepOnly(read)
  const { present, expires, orderKeys, receipts, keys, refused } = read
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
    frames: 1,
    expiring: expires !== undefined,
    receipts,
    keyed: orderKeys !== undefined,
    table: undefined,
    live: 0,
    each: undefined
  }
  foldBlock(into, block, present)
  stream.refuse(refused)
  for (const key of keys) ids.add(key, frame.at)
}

/** Messages at the positions `present` of a block. What was known before is not new: it lies there now, unless it is finished. */
export function foldBlock(into: FoldInto, block: Block, present: readonly PositionRun[]): void {
  const { state } = into
  const { stream, from, to, segment } = block
  const known = stream.next
  if (segment !== undefined) segment.messages += to - from
  if (from < known) repoint(state, block)
  const fresh = present.filter(run => run[1] > known).map(([begin, end]): PositionRun => [Math.max(begin, known), end])
  state.arrive(block, [...movedHere(into, block, present, known), ...fresh])
}

/** Of the positions below `known`, those that were moved here from a segment that is gone. */
function movedHere(into: FoldInto, { stream }: Block, present: readonly PositionRun[], known: number): PositionRun[] {
  const moved = into.moved.get(stream.id)
  if (moved === undefined) return []
  const old = present.flatMap(([begin, end]) => {
    const to = Math.min(end, known)
    return begin < to ? moved.common(begin, to) : []
  })
  const open = stream.missing(old)
  const finished = into.finished.get(stream.id)
  return finished === undefined ? open : open.flatMap(([begin, end]) => finished.gaps(begin, end))
}

/** From now on positions may lie where they were moved to, also if where they came from is gone. */
export function foldMoved(into: FoldInto, stream: string, runs: readonly PositionRun[]): void {
  addRuns(into.moved, stream, runs)
}

/** Positions are finished, and stay so. */
export function foldEnding(
  into: FoldInto,
  ending: { stream: string; how: Ending; runs: readonly PositionRun[]; at: number },
  said?: Pick<Outcome, 'result' | 'reason'>
): void {
  const { state } = into
  const { stream: id, how, runs, at } = ending
  addRuns(into.finished, id, runs)
  const stream = state.streams.get(id)
  if (stream === undefined) return
  const pieces = state.extract(stream, runs)
  const held = pieces.map(piece => piece.lease)
  state.finish(pieces, how, at, said)
  checkAll(state, held)
}

export function foldMark(into: FoldInto, mark: InboxMark, at: number): void {
  const { state, ids } = into
  if (mark.m === 'void' || mark.m === 'taken' || mark.m === 'wiped') return
  if (mark.m === 'pause' || mark.m === 'resume') {
    state.pausedAt = mark.m === 'pause' ? mark.t : undefined
    return
  }
  if (mark.m === 'told') {
    state.owed.told(mark.s, mark.r)
    return
  }
  if (mark.m === 'moved') {
    foldMoved(into, mark.s, mark.r)
    return
  }
  if (mark.m === 'removed') {
    for (const id of mark.q) {
      const stream = state.streams.get(id)
      if (stream !== undefined) stream.removedAt ??= mark.t
    }
    return
  }
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
  if (mark.m === 'hold' || mark.m === 'unhold') {
    if (stream !== undefined) setHeld(state, stream, { runs: mark.r, held: mark.m === 'hold' })
    return
  }
  const ending = mark.m === 'done' || mark.m === 'dead' || mark.m === 'expired' ? mark.m : undefined
  if (stream === undefined) {
    if (ending !== undefined) addRuns(into.finished, mark.s, mark.r)
    return
  }
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
  if (ending !== undefined) foldEnding(into, { stream: mark.s, how: ending, runs: mark.r, at }, saidIn(mark))
}

function saidIn(mark: InboxMark): Pick<Outcome, 'result' | 'reason'> | undefined {
  if (mark.m === 'dead') return { reason: mark.e }
  return mark.m === 'done' && mark.x !== undefined ? { result: mark.x } : undefined
}

function foldLease(into: FoldInto, mark: LeaseMark, stream: StreamState): void {
  const { state } = into
  const pieces = state.extract(stream, mark.r)
  const before = pieces.map(piece => piece.lease)
  let lease = state.leases.get(mark.l)
  lease ??= new ChannelLease(mark.l, { untilWall: mark.u, own: mark.o === 1, consumer: mark.c })
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
    if (mark.d !== undefined) piece.deliveries = mark.d
    state.back([piece], { dueAt: ticks + waitMs, ticks, ...(failed && { failed }) })
  }
  checkAll(state, held)
}

function checkAll(state: ChannelState, leases: readonly (ChannelLease | undefined)[]): void {
  for (const lease of new Set(leases)) if (lease !== undefined) state.leases.check(lease)
}
