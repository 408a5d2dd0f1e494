import type { ChannelInbox } from './channel-inbox.ts'
import type { ChannelState } from './channel-state.ts'
import { placesOf } from './find-waiting.ts'
import type { HoldMark, UnholdMark } from './inbox-marks.ts'
import type { PositionRun } from './inbox-port.ts'
import { park } from './parking.ts'
import type { StreamState } from './stream-state.ts'

/** Says of messages that they are held, or not, wherever they are: those under a lease when they come back. */
export function setHeld(
  state: ChannelState,
  stream: StreamState,
  { runs, held }: { runs: readonly PositionRun[]; held: boolean }
): void {
  for (const [from, to] of runs)
    for (const { held: was, state: now, from: begin, to: end } of stream.between(from, to)) {
      // One whose verdict is on its way is not touched: it is about to be something else.
      if (was === held || now === 'limbo') continue
      for (const piece of state.extract(stream, [[Math.max(from, begin), Math.min(to, end)]])) {
        piece.held = held
        if (piece.lease !== undefined) state.lease(piece.lease, [piece])
        else if (now === 'parked') park(state, piece)
        else state.restore(piece, now === 'delayed' ? piece.dueAt : undefined)
      }
    }
}

/** Holds every message of an id that is not finished, or lets them go. Resolves when synced. */
export async function hold(
  channel: ChannelInbox,
  { id, held }: { id: string; held: boolean }
): Promise<{ found: number; changed: number }> {
  const { state, journal } = channel
  const marks: Promise<void>[] = []
  let changed = 0
  const places = await placesOf(channel, id)
  for (const { stream, position } of places) {
    const runs: PositionRun[] = [[position, position + 1]]
    const piece = await settled(stream, position)
    if (piece === undefined || piece.held === held) continue
    changed++
    setHeld(state, stream, { runs, held })
    const mark: HoldMark | UnholdMark = { m: held ? 'hold' : 'unhold', s: stream.id, r: runs }
    const marked = journal.mark(mark, () => setHeld(state, stream, { runs, held: !held }))
    // Whether it fails is told below, perhaps many turns later.
    marked.catch(() => undefined)
    marks.push(marked)
  }
  // Those that were so already may be it by a wish that is still on its way, or by one that failed.
  if (places.length > 0) await Promise.all([...marks, journal.certain()])
  if (changed > 0) channel.onReady()
  return { found: places.length, changed }
}

/** The piece at a position, once no verdict on it is on its way; undefined when it is finished. */
async function settled(stream: StreamState, position: number) {
  for (;;) {
    const [piece] = stream.between(position, position + 1)
    if (piece?.state !== 'limbo') return piece
    await piece.lease?.limbo.get(piece)?.written.catch(() => undefined)
    await Promise.resolve()
  }
}
