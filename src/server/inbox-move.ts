import type { Spool } from '../spool/spool.ts'
import type { BlockReader } from './block-reader.ts'
import type { ChannelInbox } from './channel-inbox.ts'
import type { BackMark, HoldMark, MovedMark, RemovedMark } from './inbox-marks.ts'
import { type Block, isWaiting, type Piece, type SegmentState, tableOf } from './pieces.ts'
import { move } from './rehome.ts'

/** Moved at once, so that memory stays small. */
const BYTES_AT_ONCE = 1_048_576
const COUNT_AT_ONCE = 1_024

/** What still waits in a segment. Undefined when some of it is held, so that its consumer may read it there. */
export function waitingIn(channel: ChannelInbox, segment: SegmentState): Piece[] | undefined {
  const found: Piece[] = []
  for (const stream of channel.state.streams.values())
    for (const piece of stream.all()) {
      if (piece.block.segment !== segment) continue
      if (!isWaiting(piece)) return undefined
      found.push(piece)
    }
  return found
}

/**
 * Writes again, at the end of the journal, what still waits in a segment that is mostly finished. Resolved: all that nobody
 * took meanwhile lies there, synced, with its order and its past.
 *
 * @throws DroprError DISK_*
 */
export async function moveWaiting(
  options: { spool: Spool; channel: ChannelInbox; reader: BlockReader },
  segment: SegmentState
): Promise<void> {
  const { channel } = options
  for (const { block, from, to } of waitingIn(channel, segment) ?? []) {
    const perMessage = Math.max(1, block.bytes / (block.to - block.from))
    const step = Math.max(1, Math.min(COUNT_AT_ONCE, Math.floor(BYTES_AT_ONCE / perMessage)))
    for (let at = from; at < to; at += step) await moveRun(options, block, at, Math.min(at + step, to))
  }
}

async function moveRun(
  options: { spool: Spool; channel: ChannelInbox; reader: BlockReader },
  block: Block,
  from: number,
  to: number
): Promise<void> {
  const { channel, reader } = options
  const { stream } = block
  const before = stream.between(from, to).find(piece => piece.block === block)
  if (before === undefined) return
  const entries = await reader.entries({ ...before, from, to })
  const moving: Promise<void>[] = []
  for (const piece of stream.between(from, to)) {
    if (piece.block !== block || !isWaiting(piece)) continue
    let begin = Math.max(from, piece.from)
    const end = Math.min(to, piece.to)
    for (let at = begin; at <= end; at++) {
      const bad = at < end && entries[at - from] === undefined
      if (at < end && !bad) continue
      if (at > begin)
        moving.push(
          moveEntries(options, { piece, from: begin, to: at }, entries.slice(begin - from, at - from) as Buffer[])
        )
      if (bad) giveUp(options, block, at)
      begin = at + 1
    }
  }
  await Promise.all(moving)
  channel.onReady()
}

/** In one turn of the loop, so that the three are one commit: it was moved, here it lies, this it has been through. */
async function moveEntries(
  { spool, channel }: { spool: Spool; channel: ChannelInbox },
  what: { piece: Piece; from: number; to: number },
  entries: Buffer[]
): Promise<void> {
  const { journal, state } = channel
  const { piece, from, to } = what
  const { block } = piece
  const { stream, at, expiring, receipts, keyed } = block
  const order = block.order + from - block.from
  const { origin, node, id, priority } = stream
  const r: [number, number][] = [[from, to]]
  const bytes = entries.reduce((sum, { length }) => sum + length, 0)
  const moved: MovedMark = { m: 'moved', s: id, r }
  // A mark lies behind what it is about.
  const removed: RemovedMark[] = stream.removedAt === undefined ? [] : [{ m: 'removed', q: [id], t: stream.removedAt }]
  const facts = { bytes, present: r, expiring, receipts, keyed, keys: [], refused: [], at, exact: true }
  const source = { origin, node, stream: id, from, to, order, priority }
  const { clock } = spool.system
  const [, place] = await Promise.all([
    journal.mark(moved),
    journal.range({ source, entries, count: to - from, facts }),
    ...[...pastMarks(piece, r, { wall: clock.now(), ticks: clock.ticks() }), ...removed].map(mark => journal.mark(mark))
  ])
  const offsets = new Uint32Array(entries.length + 1)
  for (const [i, { length }] of entries.entries()) offsets[i + 1] = offsets[i]! + length
  const segment = channel.segment(place)
  const expires = block.table?.expires?.slice(from - block.from, to - block.from)
  const keys = block.table?.keys?.slice(from - block.from, to - block.from)
  const { path, payloadAt } = place
  const unknown = (expiring && expires === undefined) || (keyed && keys === undefined)
  const table = unknown ? undefined : tableOf(offsets, { expires, keys })
  segment.messages += to - from
  segment.newestAt = Math.max(segment.newestAt, clock.now())
  move(
    state,
    {
      stream,
      from,
      to,
      order,
      at,
      segment,
      path,
      payloadAt,
      bytes,
      frames: 1,
      expiring,
      receipts,
      keyed,
      table,
      live: 0,
      each: undefined
    },
    block
  )
}

/** The marks that gave a message its past, once more, since the old ones go. */
function pastMarks(piece: Piece, r: [number, number][], now: { wall: number; ticks: number }): (BackMark | HoldMark)[] {
  const { block, deliveries, attempts, past, state, dueAt, held } = piece
  const s = block.stream.id
  const hold: HoldMark[] = held ? [{ m: 'hold', s, r }] : []
  if (deliveries + attempts === 0) return hold
  const u = state === 'delayed' ? Math.ceil(now.wall + dueAt - now.ticks) : undefined
  const last: BackMark = {
    m: 'back',
    l: '',
    s,
    r,
    d: deliveries,
    a: attempts,
    t: now.wall,
    ...(u !== undefined && { u })
  }
  const failures = past.map(({ at, reason }, i): BackMark => {
    return { m: 'back', l: '', s, r, d: deliveries, a: Math.max(1, attempts - past.length + 1 + i), t: at, e: reason }
  })
  return [...failures, last, ...hold]
}

/** It cannot be read any more. */
function giveUp(
  { spool, channel }: { spool: Spool; channel: ChannelInbox },
  { stream }: Block,
  position: number
): void {
  const pieces = channel.state.extract(stream, [[position, position + 1]])
  for (const piece of pieces)
    piece.past = [...piece.past, { at: spool.system.clock.now(), reason: 'it can no longer be read' }]
  channel.verdicts.giveUp(pieces)
}
