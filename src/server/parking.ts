import type { BlockReader } from './block-reader.ts'
import type { ChannelState } from './channel-state.ts'
import type { Block, Piece } from './pieces.ts'

/** Takes the first messages of the piece that comes next out of the queue, until their keys are free. False: there is no room. */
export function parkHead(state: ChannelState, head: Piece): boolean {
  if (state.keys.isFull) return false
  const piece = state.grab(head, state.keys.busy(head))
  state.keys.park(piece)
  park(state, piece)
  const { block } = piece
  // What only waits can be read again when its turn comes.
  if (state.budget.isOver && block.stream.between(block.from, block.to).every(one => one.state === 'parked'))
    state.budget.release(block)
  return true
}

/** The first message of the piece that comes next is held: it leaves the queue, and keeps its key. False: there is no room. */
export function shelveHead(state: ChannelState, head: Piece): boolean {
  if (head.block.keyed && state.keys.own(head, 1) === 0) return parkHead(state, head)
  const piece = state.grab(head, head.block.keyed ? 1 : head.to - head.from)
  piece.state = 'held'
  state.shelves.enter(piece)
  return true
}

/** An extracted piece waits until its keys are free. */
export function park(state: ChannelState, piece: Piece): void {
  piece.state = 'parked'
  state.shelves.enter(piece)
}

/** Messages whose keys have become free wait in their places again. Gives a block that must be read first. */
export function callUp(state: ChannelState): Block | undefined {
  for (let next = state.keys.next(); next !== undefined; next = state.keys.next()) {
    if ('frames' in next) return next
    const { stream, position } = next
    for (const piece of state.extract(stream, [[position, position + 1]])) state.restore(piece)
  }
  return undefined
}

/**
 * Messages that somebody had are the owners of their keys, also after a restart.
 *
 * @throws DroprError DISK_*
 */
export async function learnOwners(state: ChannelState, reader: BlockReader): Promise<void> {
  for (const stream of state.streams.values())
    for (const piece of stream.all()) {
      const { block, from, to } = piece
      if (!block.keyed || piece.deliveries + piece.attempts === 0) continue
      while (block.table === undefined && block.live > 0) await reader.load(block)
      for (let position = from; position < to; position++) {
        const key = block.table?.keys?.[position - block.from] ?? 0
        if (key !== 0) state.keys.take(key, { stream, position })
      }
      if (state.budget.isOver) state.budget.release(block)
    }
}
