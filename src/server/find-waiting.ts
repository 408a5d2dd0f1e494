import { decodeMessage } from '../journal/entry.ts'
import { uuidMs } from '../journal/ids.ts'
import type { ChannelInbox } from './channel-inbox.ts'
import { idKey } from './ids.ts'
import { isWaiting, type Piece } from './pieces.ts'
import type { StreamState } from './stream-state.ts'

/** Clocks of two nodes differ by less, else all is read. */
const DOUBT_MS = 3_600_000

export interface WaitingPlace {
  stream: StreamState
  position: number
}

export interface Places {
  found: WaitingPlace[]
  /** What was read on the way and cannot be: one of them may be it. */
  unreadable: WaitingPlace[]
}

/**
 * Where messages of an id are that are not finished. The bodies lie on the disk, so this reads there: only what came since an id of
 * ours was made, only what a sender of a given id sent. What is not found so is looked for in all that waits, but for ids that were
 * given and that the inbox would remember.
 */
export async function placesOf(channel: ChannelInbox, id: string): Promise<Places> {
  const { ids, name, state } = channel
  const madeAt = uuidMs(id)
  const isKnown = new Map<string, boolean>()
  const mayHold = ({ block }: Piece, { origin }: StreamState, endedBefore: number): boolean => {
    if (madeAt !== undefined) return endedBefore >= madeAt - DOUBT_MS
    if (!isKnown.has(origin)) isKnown.set(origin, ids.has(idKey(origin, name, id)))
    return isKnown.get(origin)! || !ids.counts(block.at)
  }
  const places: Places = { found: [], unreadable: [] }
  const rest: [StreamState, Piece][] = []
  for (const stream of state.streams.values()) {
    const pieces = stream.all()
    // Arrivals of one stream are in order: all of a block came before the first of the next one.
    const ends: number[] = []
    for (let i = pieces.length - 1; i >= 0; i--) {
      const next = pieces[i + 1]
      ends[i] =
        next === undefined ? Number.POSITIVE_INFINITY : next.block === pieces[i]!.block ? ends[i + 1]! : next.block.at
    }
    for (const [i, piece] of pieces.entries())
      if (mayHold(piece, stream, ends[i]!)) await readFor(channel, { stream, piece, id }, places)
      else rest.push([stream, piece])
  }
  if (places.found.length === 0 && madeAt !== undefined)
    for (const [stream, piece] of rest) await readFor(channel, { stream, piece, id }, places)
  const waits = ({ stream, position }: WaitingPlace) => stream.between(position, position + 1).length > 0
  return { found: places.found.filter(waits), unreadable: places.unreadable.filter(waits) }
}

async function readFor(
  channel: ChannelInbox,
  { stream, piece, id }: { stream: StreamState; piece: Piece; id: string },
  places: Places
): Promise<void> {
  const { state, reader } = channel
  const { block, from, to } = piece
  if (block.segment === undefined) await channel.load(block)
  if (block.segment === undefined) return
  const entries = await reader.entries({ ...piece, from, to })
  for (const [i, entry] of entries.entries()) {
    if (entry === undefined) places.unreadable.push({ stream, position: from + i })
    else if (decodeMessage(entry, 0).id === id) places.found.push({ stream, position: from + i })
  }
  // Many are read only for this.
  if (state.budget.isOver && stream.between(block.from, block.to).every(isWaiting)) state.budget.release(block)
}
