import { decodeMessage, MESSAGE } from '../journal/entry.ts'
import { Sieve } from '../spool/filter.ts'
import type { ChannelInbox } from './channel-inbox.ts'
import type { DeadMark } from './inbox-marks.ts'
import type { PositionRun } from './inbox-port.ts'
import { ChannelLease } from './leases.ts'
import type { MoveAnswer, MoveRequest } from './move.ts'
import type { Piece } from './pieces.ts'
import { pushRun } from './runs.ts'
import type { StreamState } from './stream-state.ts'

/** Where a filter must read the messages, so many at once; and so many bytes in one step. */
const READ_COUNT = 1_024
const READ_BYTES = 1_048_576
const STEP_READ_BYTES_MAX = 16_777_216
/** What is said of them afterwards. */
const PURGED = 'purged'

/** What of a piece is meant. */
interface Chosen {
  stream: StreamState
  runs: PositionRun[]
}

/**
 * Destroys messages of a channel that wait: those that nobody holds, and on demand those that somebody does, whose verdicts are
 * refused then. One commit for a step; resolved when it is synced.
 *
 * @throws DroprError DISK_*: those of this step wait as before.
 */
export async function purgeStep(channel: ChannelInbox, request: MoveRequest): Promise<MoveAnswer> {
  const { filter, began, max, dryRun = false } = request
  const sieve = new Sieve(filter, began)
  const step = new Step(channel, request, sieve)
  const streams = [...channel.state.streams.values()].sort((a, b) => (a.id < b.id ? -1 : 1))
  const [fromStream = '', fromPosition = '0'] = request.after?.split(' ') ?? []
  for (const stream of streams) {
    if (stream.id < fromStream) continue
    const from = stream.id === fromStream ? Number(fromPosition) : 0
    for (const piece of stream.between(from, Number.POSITIVE_INFINITY)) {
      let at = Math.max(from, piece.from)
      while (at < piece.to) {
        if (step.count >= max || step.read >= STEP_READ_BYTES_MAX) return await step.end(dryRun, `${stream.id} ${at}`)
        at = await step.choose(piece, at, max - step.count)
      }
    }
  }
  return await step.end(dryRun)
}

class Step {
  readonly #channel: ChannelInbox
  readonly #request: MoveRequest
  readonly #sieve: Sieve
  readonly #chosen: Chosen[] = []
  readonly #left: Record<string, number> = {}
  readonly #ids: string[] = []
  #bytes = 0
  count = 0
  read = 0

  constructor(channel: ChannelInbox, request: MoveRequest, sieve: Sieve) {
    this.#channel = channel
    this.#request = request
    this.#sieve = sieve
  }

  /** Looks at messages of a piece from `at` on, and chooses up to `countMax`. Gives where to go on. */
  async choose(piece: Piece, at: number, countMax: number): Promise<number> {
    const { block, state } = piece
    const { to } = piece
    if (state === 'gone') return to
    const known = { channel: this.#channel.name, peer: block.stream.node, state: wordOf(state), at: block.at }
    // What came since this began is not meant; what is not on the disk yet has just come.
    if (block.at > this.#request.began || block.segment === undefined || !this.#sieve.takes(known)) return to
    if (state === 'limbo' || (state === 'leased' && this.#request.leased !== true)) {
      if (!this.#sieve.reads) this.#left.leased = (this.#left.leased ?? 0) + to - at
      return to
    }
    const end = Math.min(to, at + Math.min(countMax, this.#perRead(piece)))
    const share = (block.bytes * (end - at)) / (block.to - block.from)
    if (!this.#sieve.reads) {
      this.#take(block.stream, [[at, end]], share)
      return end
    }
    const entries = await this.#channel.reader.entries({ ...piece, from: at, to: end })
    this.read += share
    const runs: PositionRun[] = []
    let bytes = 0
    for (const [i, entry] of entries.entries()) {
      if (entry === undefined || entry[8] !== MESSAGE) continue
      const stored = decodeMessage(entry, 0)
      if (!this.#sieve.holds(stored)) continue
      pushRun(runs, at + i, at + i + 1)
      bytes += entry.length
      if (this.#request.dryRun === true) this.#ids.push(stored.id)
    }
    this.#take(block.stream, runs, bytes)
    return end
  }

  async end(dryRun: boolean, next?: string): Promise<MoveAnswer> {
    const moved = dryRun ? this.count : await this.#destroy()
    const bytes = Math.round(this.#bytes)
    return { moved, bytes, left: this.#left, ...(next !== undefined && { next }), ...(dryRun && { ids: this.#ids }) }
  }

  #perRead({ block }: Piece): number {
    if (!this.#sieve.reads) return Number.POSITIVE_INFINITY
    const each = Math.max(1, block.bytes / (block.to - block.from))
    return Math.max(1, Math.min(READ_COUNT, Math.floor(READ_BYTES / each)))
  }

  #take(stream: StreamState, runs: PositionRun[], bytes: number): void {
    for (const [from, to] of runs) this.count += to - from
    this.#bytes += bytes
    if (runs.length > 0) this.#chosen.push({ stream, runs })
  }

  /** What was chosen and is still there, and still nobody's. */
  async #destroy(): Promise<number> {
    const { state, journal, now } = this.#channel
    const grave = new ChannelLease('', { untilWall: 0, own: true })
    const pieces: Piece[] = []
    const marks = new Map<string, PositionRun[]>()
    for (const { stream, runs } of this.#chosen)
      for (const [from, to] of runs)
        for (const found of stream.between(from, to)) {
          if (found.state === 'limbo' || (found.state === 'leased' && this.#request.leased !== true)) continue
          const holder = found.lease
          const cut = state.extract(stream, [[Math.max(from, found.from), Math.min(to, found.to)]])
          pieces.push(...cut)
          if (holder !== undefined) state.leases.check(holder)
          const mine = marks.get(stream.id) ?? []
          for (const piece of cut) pushRun(mine, piece.from, piece.to)
          marks.set(stream.id, mine)
        }
    if (pieces.length === 0) return 0
    const written = Promise.all(
      [...marks].map(([s, r]) => {
        const mark: DeadMark = { m: 'dead', s, r, e: PURGED, p: 1 }
        return journal.mark(mark)
      })
    )
    state.toLimbo(grave, pieces, { verdict: 'reject', written })
    try {
      await written
    } catch (error) {
      state.fromLimbo(pieces)
      for (const piece of pieces) state.restore(piece, piece.dueAt > 0 ? piece.dueAt : undefined)
      this.#channel.onReady()
      throw error
    }
    state.fromLimbo(pieces)
    state.finish(pieces, 'dead', now(), { reason: PURGED })
    // What waited behind them, by its key, may come now.
    this.#channel.onReady()
    return pieces.reduce((sum, { from, to }) => sum + to - from, 0)
  }
}

function wordOf(state: Piece['state']): string {
  return state === 'ready' || state === 'parked' ? 'pending' : state === 'limbo' ? 'leased' : state
}
