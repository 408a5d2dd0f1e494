import type { ChannelState } from './channel-state.ts'
import type { FailedAttempt, Piece } from './pieces.ts'

/** A message that somebody had already, when the segment was sealed. */
export type PastRow = [
  stream: string,
  from: number,
  to: number,
  lease: string | 0,
  deliveries: number,
  attempts: number,
  /** Wall ms when it may be handed out again; 0 for at once. */
  due: number,
  past?: [at: number, reason: string][],
  held?: 1
]

/** What messages that are not finished have been through, and which are held. */
export function pastRows(state: ChannelState, now: { wall: number; ticks: number }): PastRow[] {
  const rows: PastRow[] = []
  for (const stream of state.streams.values())
    for (const piece of stream.all()) {
      if (piece.block.segment === undefined) continue
      const waits = piece.state === 'ready' || piece.state === 'parked'
      if (waits && !piece.held && piece.deliveries + piece.attempts === 0) continue
      rows.push(pastRow(piece, now))
    }
  return rows
}

function pastRow(piece: Piece, now: { wall: number; ticks: number }): PastRow {
  const { block, from, to, state, lease, deliveries, attempts, dueAt, past, held } = piece
  const due = state === 'delayed' ? Math.max(1, Math.ceil(now.wall + dueAt - now.ticks)) : 0
  const row: PastRow = [block.stream.id, from, to, lease?.id || 0, deliveries, attempts, due]
  if (past.length > 0 || held) row.push(past.map(({ at, reason }: FailedAttempt) => [at, reason]))
  if (held) row.push(1)
  return row
}
