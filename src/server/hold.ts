import type { ChannelInbox } from './channel-inbox.ts'
import type { ChannelState } from './channel-state.ts'
import { placesOf, type WaitingPlace } from './find-waiting.ts'
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

/**
 * Holds every message of an id that is not finished, or lets them go. Resolves when synced.
 *
 * With them go held ones that cannot be read any more: nobody could name them again. Who takes them finds out, and they are dead
 * letters.
 */
export async function hold(
  channel: ChannelInbox,
  { id, held }: { id: string; held: boolean }
): Promise<{ found: number; changed: number }> {
  const { found, unreadable } = await placesOf(channel, id)
  const wished = await setAll(channel, found, held)
  const freed = await setAll(channel, held ? [] : unreadable.filter(isHeld), held)
  await Promise.all([...wished.said, ...freed.said])
  if (wished.changed + freed.changed > 0) channel.onReady()
  return { found: found.length, changed: wished.changed }
}

/** Says it of each that is not so. `said` resolve when it is so on the disk, whoever had wished it. */
async function setAll(
  { state, journal }: ChannelInbox,
  places: readonly WaitingPlace[],
  held: boolean
): Promise<{ changed: number; said: Promise<void>[] }> {
  const said: Promise<void>[] = []
  let changed = 0
  const note = (promise: Promise<void>) => {
    // Whether it fails is told at the end, perhaps many turns later.
    promise.catch(() => undefined)
    said.push(promise)
  }
  for (const { stream, position } of places) {
    const runs: PositionRun[] = [[position, position + 1]]
    const piece = await settled(stream, position)
    if (piece === undefined) continue
    if (piece.held === held) {
      // By a wish that is still on its way, or by one that failed.
      note(journal.certain())
      continue
    }
    changed++
    setHeld(state, stream, { runs, held })
    const mark: HoldMark | UnholdMark = { m: held ? 'hold' : 'unhold', s: stream.id, r: runs }
    note(journal.mark(mark, () => setHeld(state, stream, { runs, held: !held })))
  }
  return { changed, said }
}

function isHeld({ stream, position }: WaitingPlace): boolean {
  return stream.between(position, position + 1)[0]?.held === true
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
