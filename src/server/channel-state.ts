import type { ChannelStateOptions } from './channel-state-options.ts'
import type { PositionRun } from './inbox-port.ts'
import { KeyOrder } from './key-order.ts'
import { type ChannelLease, ChannelLeases, type Limbo } from './leases.ts'
import { OffsetBudget } from './offset-budget.ts'
import { type Outcome, Owed } from './owed.ts'
import { countShare, PeerShares } from './peer-shares.ts'
import {
  type Block,
  type FailedAttempt,
  freshPiece,
  joinable,
  type Piece,
  type SegmentState,
  takeIn
} from './pieces.ts'
import { type ChannelCounts, Shelves } from './shelves.ts'
import { type StreamOrigin, StreamState } from './stream-state.ts'

/** A message that fails for ever keeps its latest failures. */
const PAST_MAX = 20
const EXACT_MAX = 1_024

/**
 * The messages of one channel that are not finished, in memory: who may have what next. Decides nothing about disk or time.
 *
 * Messages come and go in pieces. A piece is ready, delayed, leased or in limbo; finished ones are counted and forgotten.
 */
export class ChannelState {
  readonly streams = new Map<string, StreamState>()
  readonly leases = new ChannelLeases()
  /** What senders are still to be told. */
  readonly owed = new Owed()
  readonly keys = new KeyOrder()
  /** Arrival order of the next message. */
  order = 0
  /** Wall ms since when nothing is handed out; undefined: not paused. */
  pausedAt: number | undefined
  readonly shelves = new Shelves()
  readonly budget: OffsetBudget
  readonly #exactMax: number
  readonly #index: Map<string, StreamState>
  readonly #shares: PeerShares

  constructor(options: ChannelStateOptions = {}) {
    this.#exactMax = options.exactMax ?? EXACT_MAX
    this.budget = options.budget ?? new OffsetBudget()
    this.#index = options.index ?? new Map()
    this.#shares = options.shares ?? new PeerShares()
  }

  get counts(): ChannelCounts {
    return this.shelves.counts
  }

  stream(id: string, origin: StreamOrigin): StreamState {
    const known = this.streams.get(id)
    if (known !== undefined) return known
    const stream = new StreamState(id, origin, this.#shares.of(origin.node))
    this.streams.set(id, stream)
    this.#index.set(id, stream)
    return stream
  }

  /** New messages: the positions in `runs`, all of one block. */
  arrive(block: Block, runs: readonly PositionRun[], deliveries = 0): void {
    let count = 0
    for (const [from, to] of runs) {
      const piece = freshPiece(block, from, to)
      piece.deliveries = deliveries
      block.stream.add(piece)
      this.shelves.enter(piece)
      count += to - from
    }
    if (count > 0) this.budget.settle(block, count)
    if (block.live > 0) this.budget.admit(block)
    else block.table = undefined
    if (block.segment !== undefined) this.#join(block)
    this.order = Math.max(this.order, block.order + block.to - block.from)
  }

  /** The block is on the disk. */
  placed(block: Block, place: { segment: SegmentState; path: string; payloadAt: number }): void {
    block.segment = place.segment
    block.path = place.path
    block.payloadAt = place.payloadAt
    place.segment.live += block.live
    this.#join(block)
  }

  /** Few wait: what comes now has a table, and a piece of its own. */
  isExact(priority: number): boolean {
    return this.shelves.ready.depth(priority) <= this.#exactMax
  }

  /** What waits behind many others needs no table, and no piece of its own: memory is bounded whatever waits. */
  #join(block: Block): void {
    const { stream } = block
    if (this.isExact(stream.priority)) return
    const back = stream.endingAt(block.to)
    const front = back === undefined ? undefined : stream.endingAt(back.from)
    if (front === undefined || back?.block !== block || front.block === block || !joinable(front, back)) return
    const into = front.block
    this.budget.release(into)
    this.budget.release(block)
    takeIn(into, block)
    this.shelves.join(front, back)
  }

  /** They did not come after all. */
  unarrive(block: Block): void {
    for (const piece of block.stream.between(block.from, block.to)) {
      this.shelves.leave(piece)
      block.stream.drop(piece)
      countShare(block, piece.from - piece.to)
    }
    this.keys.done(block.stream, block.from, block.to)
    block.stream.sweep()
    this.budget.release(block)
  }

  /** The piece that comes next. Its queue keeps it until `grab`. */
  peek(): Piece | undefined {
    return this.shelves.ready.peek()
  }

  /** Takes the first `count` messages of the piece that `peek` gave. */
  grab(piece: Piece, count: number): Piece {
    if (piece.from + count === piece.to) {
      this.shelves.ready.shift()
      this.shelves.leave(piece)
      return piece
    }
    return this.shelves.front(piece, piece.from + count)
  }

  /** Pieces that nobody holds go under a lease. */
  lease(lease: ChannelLease, pieces: readonly Piece[]): void {
    this.leases.add(lease)
    for (const piece of pieces) {
      piece.state = 'leased'
      piece.lease = lease
      this.shelves.enter(piece)
    }
  }

  /** It was not given after all: what it holds waits again, in its place. */
  unlease(lease: ChannelLease): void {
    for (const piece of lease.pieces) {
      this.shelves.leave(piece)
      piece.deliveries--
      this.restore(piece)
    }
    this.leases.delete(lease)
  }

  /** Takes everything from under a lease: extracted. */
  strip(lease: ChannelLease): Piece[] {
    const pieces = [...lease.pieces]
    for (const piece of pieces) this.shelves.leave(piece)
    return pieces
  }

  /** A verdict on extracted pieces of a lease is on its way to the disk. */
  toLimbo(lease: ChannelLease, pieces: readonly Piece[], limbo: Limbo): void {
    for (const piece of pieces) {
      piece.state = 'limbo'
      piece.lease = lease
      lease.limbo.set(piece, limbo)
      this.counts.leased += piece.to - piece.from
    }
  }

  /** The verdict has arrived there, or failed to: the pieces are extracted again. */
  fromLimbo(pieces: readonly Piece[]): void {
    for (const piece of pieces) this.shelves.leave(piece)
  }

  /** Takes pieces out of wherever they are, as pieces of exactly those positions. Finished positions are left out. */
  extract(stream: StreamState, runs: readonly PositionRun[]): Piece[] {
    return runs.flatMap(([from, to]) =>
      stream
        .between(from, to)
        .map(piece => this.shelves.carve(piece, Math.max(from, piece.from), Math.min(to, piece.to)))
    )
  }

  /** Extracted pieces are finished, since `at` (wall ms). */
  finish(pieces: readonly Piece[], how: Outcome['how'], at: number, said?: Pick<Outcome, 'result' | 'reason'>): void {
    for (const piece of pieces) {
      if (piece.block.receipts) this.owed.add(piece, { how, at, ...said })
      const count = piece.to - piece.from
      this.counts[how] += count
      piece.lease = undefined
      this.budget.settle(piece.block, -count)
      if (piece.block.segment !== undefined) piece.block.segment.doneAt = Math.max(piece.block.segment.doneAt, at)
      piece.block.stream.drop(piece)
      if (piece.block.keyed) this.keys.done(piece.block.stream, piece.from, piece.to)
    }
  }

  /** Extracted pieces come back, at once or at `dueAt` (ticks). */
  back(pieces: readonly Piece[], options: { dueAt: number; failed?: FailedAttempt; ticks: number }): void {
    for (const piece of pieces) {
      if (options.failed !== undefined) {
        this.counts.attemptsFailed += piece.to - piece.from
        piece.attempts++
        piece.past = [...piece.past, options.failed].slice(-PAST_MAX)
      }
      this.restore(piece, options.dueAt > options.ticks ? options.dueAt : undefined)
    }
  }

  /** An extracted piece waits, until `dueAt` if that is given. */
  restore(piece: Piece, dueAt?: number): void {
    piece.lease = undefined
    piece.dueAt = dueAt ?? 0
    // One with a key waits for its turn first: others of the key come after it.
    const now = piece.held && !piece.block.keyed ? 'held' : 'ready'
    piece.state = dueAt === undefined ? now : 'delayed'
    this.shelves.enter(piece)
  }

  /** Makes those ready whose time has come. True when there were any. */
  wake(ticks: number): boolean {
    let woken = false
    for (let piece = this.shelves.popDue(ticks); piece !== undefined; piece = this.shelves.popDue(ticks)) {
      this.restore(piece)
      woken = true
    }
    return woken
  }

  /** Nothing of the stream is left, and nobody will ask for it. */
  forget(stream: StreamState): void {
    this.streams.delete(stream.id)
    if (this.#index.get(stream.id) === stream) this.#index.delete(stream.id)
  }

  /** Wall ms when the oldest message that waits was received. */
  get oldestAt(): number | undefined {
    const [ready, parked] = [this.shelves.ready.oldestAt, this.keys.oldestAt]
    return ready === undefined || parked === undefined ? (ready ?? parked) : Math.min(ready, parked)
  }
}
