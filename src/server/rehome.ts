import type { ChannelState } from './channel-state.ts'
import { park } from './parking.ts'
import { type Block, isWaiting } from './pieces.ts'

/** A message lies somewhere else now: the frame was copied. */
export function repoint(state: ChannelState, block: Block): void {
  for (const piece of state.extract(block.stream, [[block.from, block.to]])) {
    const { lease, state: was, dueAt } = piece
    const count = piece.to - piece.from
    state.budget.settle(piece.block, -count)
    state.budget.settle(block, count)
    piece.block = block
    if (lease !== undefined && was === 'leased') state.lease(lease, [piece])
    else state.restore(piece, was === 'delayed' ? dueAt : undefined)
  }
}

/** What nobody holds of a block lies somewhere else now. */
export function move(state: ChannelState, to: Block, before: Block): void {
  const { stream } = to
  for (const piece of stream.between(to.from, to.to)) {
    const { block } = piece
    if (block !== before || !isWaiting(piece)) continue
    const { state: was, from, to: end } = piece
    for (const moved of state.extract(stream, [[Math.max(from, to.from), Math.min(end, to.to)]])) {
      state.budget.settle(block, moved.from - moved.to)
      state.budget.settle(to, moved.to - moved.from)
      moved.block = to
      if (was === 'parked') park(state, moved)
      else state.restore(moved, was === 'delayed' ? moved.dueAt : undefined)
    }
  }
  if (to.live > 0) state.budget.admit(to)
}
