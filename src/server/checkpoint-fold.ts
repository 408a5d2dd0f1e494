import { type FoldInto, foldBlock, foldEnding, foldMark, foldMoved } from './channel-fold.ts'
import type { CheckMark } from './checkpoint.ts'
import { setHeld } from './hold.ts'
import type { InboxMark } from './inbox-marks.ts'
import type { PositionRun } from './inbox-port.ts'
import { ChannelLease } from './leases.ts'
import type { Block, SegmentState } from './pieces.ts'
import { Runs } from './runs.ts'
import type { StreamState } from './stream-state.ts'

/** Takes a whole sealed segment into the state of its channel, by its checkpoint: all but `foldPast`. */
export function foldCheckpoint(
  into: FoldInto,
  { check, marks }: { check: CheckMark; marks: readonly InboxMark[] },
  segment: SegmentState
): void {
  const { state, channel } = into
  segment.newestAt = Math.max(segment.newestAt, check.w)
  for (const [id, runs] of check.v) foldMoved(into, id, runs)
  const streams = check.s.map(([id, origin, node, priority]) => state.stream(id, { origin, node, priority, channel }))
  for (const [index, from, to, order, at, payloadAt, bytes, frames, flags, holes = []] of check.b) {
    const stream = streams[index]!
    // Written out, and one shape for all: a checkpoint of many small uploads makes thousands of these.
    const block: Block = {
      stream,
      from,
      to,
      order,
      at,
      segment,
      path: segment.path,
      payloadAt,
      bytes,
      frames,
      expiring: (flags & 1) !== 0,
      receipts: (flags & 2) !== 0,
      keyed: (flags & 4) !== 0,
      table: undefined,
      live: 0,
      each: undefined
    }
    foldBlock(into, block, holes.length === 0 ? [[from, to]] : new Runs(holes).gaps(from, to))
    stream.next = Math.max(stream.next, to)
  }
  for (const [i, [, , , , next]] of check.s.entries()) {
    const stream = streams[i]!
    stream.next = Math.max(stream.next, next)
    stream.pending = stream.next
  }
  state.order = Math.max(state.order, check.o)
  state.pausedAt = check.z
  for (const [id, how, runs] of check.f) foldEnding(into, { stream: id, how, runs, at: check.t })
  for (const [id, runs] of check.d ?? []) state.owed.told(id, runs)
  for (const [id, at] of check.r) foldMark(into, { m: 'removed', q: [id], t: at }, check.t)
  for (const mark of marks) foldMark(into, mark, check.t)
}

/** What messages had been through, and leases, when the latest of a row of checkpoints was written. */
export function foldPast(into: FoldInto, check: CheckMark): void {
  const { state, now, ticks } = into
  const leases = new Map<string, ChannelLease>()
  for (const [id, untilWall, own, held, told, consumer] of check.l) {
    const lease = state.leases.get(id) ?? new ChannelLease(id, { untilWall, own: own === 1, consumer })
    lease.untilWall = untilWall
    lease.own = own === 1
    for (const [verdict, stream, runs] of told) for (const [from, to] of runs) lease.tell(stream, verdict, from, to)
    if (held === 1) leases.set(id, lease)
    else state.leases.remember(lease)
  }
  // What was let go since has no row.
  for (const stream of state.streams.values()) setHeld(state, stream, { runs: heldOf(stream), held: false })
  for (const [id, from, to, leaseId, deliveries, attempts, due, past = [], held] of check.p) {
    const stream = state.streams.get(id)
    if (stream === undefined) continue
    const pieces = state.extract(stream, [[from, to]])
    const waitMs = due === 0 ? 0 : Math.min(due - now, due - check.t)
    const lease = leaseId === 0 ? undefined : leases.get(leaseId)
    for (const piece of pieces) {
      piece.deliveries = deliveries
      piece.attempts = attempts
      piece.held = held === 1
      piece.past = past.map(([at, reason]) => ({ at, reason }))
      if (lease === undefined) state.restore(piece, waitMs > 0 ? ticks + waitMs : undefined)
    }
    if (lease !== undefined) state.lease(lease, pieces)
  }
  for (const lease of state.leases.held()) state.leases.check(lease)
  for (const [id, from, to, at, said] of check.y ?? []) state.owed.say(id, from, to, { at, ...said })
}

function heldOf(stream: StreamState): PositionRun[] {
  return stream.all().flatMap(({ held, from, to }): PositionRun[] => (held ? [[from, to]] : []))
}
