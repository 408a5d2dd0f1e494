import type { ChannelPolicy } from '../limits.ts'
import type { Clock } from '../system/clock.ts'
import type { ChannelState } from './channel-state.ts'
import { Gate } from './gate.ts'
import type { InboxJournal } from './inbox-journal.ts'
import { type ExpiredMark, groupPieces, type LeaseMark, type PieceGroup } from './inbox-marks.ts'
import type { ClaimRun } from './inbox-port.ts'
import type { ChannelLease } from './leases.ts'
import { callUp, parkHead, shelveHead } from './parking.ts'
import { type Block, bytesOf, type Piece, placesOf } from './pieces.ts'
import type { Verdicts } from './verdicts.ts'

export interface Taken {
  pieces: Piece[]
  messages: number
  bytes: number
  /** Nothing was taken: this must be read first. */
  blocked: Block | undefined
}

export interface HandOutOptions {
  name: string
  system: { clock: Clock }
  policy: () => ChannelPolicy
  state: ChannelState
  journal: InboxJournal
  verdicts: Verdicts
}

/** Who asks is given what comes next. */
export class HandOut {
  readonly #options: HandOutOptions
  readonly #gate: Gate

  constructor(options: HandOutOptions) {
    this.#options = options
    this.#gate = new Gate(options)
  }

  /** Whether there is something to take, and it may be taken. */
  get ready(): boolean {
    return this.#waits && this.#gate.allowed() > 0
  }

  /** Ticks when something may be taken, where nothing but the rate keeps it. */
  get readyAt(): number | undefined {
    return this.#waits ? this.#gate.opensAt : undefined
  }

  get #waits(): boolean {
    const { state } = this.#options
    return state.peek() !== undefined || state.keys.isWaiting
  }

  /** Takes messages out of the queue, the first ones. What expired meanwhile is marked so. */
  take(most: number, bytesMax: number, atLeastOne = true): Taken {
    for (;;) {
      const taken = this.#take(most, bytesMax, atLeastOne)
      // What has expired may have kept others of its key.
      const nothing = taken.messages === 0 && taken.blocked === undefined
      if (!nothing || !this.#options.state.keys.isWaiting || !this.ready) return taken
    }
  }

  #take(most: number, bytesMax: number, atLeastOne: boolean): Taken {
    const { state, policy, system } = this.#options
    const { attemptsMax } = policy()
    const max = Math.min(most, this.#gate.allowed())
    const taken: Taken = { pieces: [], messages: 0, bytes: 0, blocked: callUp(state) }
    if (taken.blocked !== undefined) return taken
    const expired: Piece[] = []
    const doomed: Piece[] = []
    const now = system.clock.now()
    while (taken.messages < max) {
      const head = state.peek()
      if (head === undefined) break
      if (head.attempts > attemptsMax) {
        doomed.push(state.grab(head, head.to - head.from))
        continue
      }
      if ((head.block.expiring || head.block.keyed) && head.block.table === undefined) {
        taken.blocked = head.block
        break
      }
      if (head.held) {
        if (!shelveHead(state, head)) break
        continue
      }
      const past = countExpired(head, now)
      if (past > 0) {
        expired.push(state.grab(head, past))
        continue
      }
      const count = countFitting(
        head,
        now,
        max - taken.messages,
        bytesMax - taken.bytes,
        atLeastOne && taken.messages === 0
      )
      if (count === undefined) taken.blocked = head.block
      if (count === undefined || count === 0) break
      const free = head.block.keyed ? state.keys.own(head, count) : count
      if (free === 0 && !parkHead(state, head)) break
      if (free === 0) continue
      const piece = state.grab(head, free)
      taken.pieces.push(piece)
      taken.messages += free
      taken.bytes += bytesOf(piece.block, piece.from, piece.to)!
    }
    this.#gate.take(taken.messages)
    if (taken.blocked !== undefined) {
      this.putBack(taken.pieces)
      Object.assign(taken, { pieces: [], messages: 0, bytes: 0 })
    }
    if (expired.length > 0) this.#expire(expired)
    if (doomed.length > 0) this.#options.verdicts.giveUp(doomed)
    return taken
  }

  /** What was taken goes under a lease. Resolves with it when that is synced; on failure it waits again, in its place. */
  async lease(lease: ChannelLease, pieces: readonly Piece[]): Promise<ClaimRun[]> {
    const { state, journal } = this.#options
    for (const piece of pieces) piece.deliveries++
    this.#gate.lease(messagesIn(pieces))
    state.lease(lease, pieces)
    const marks = groupPieces(pieces).map(group => leaseMark(lease, group))
    await Promise.all(marks.map(mark => journal.mark(mark, () => state.unlease(lease))))
    return pieces
      .filter(piece => piece.state === 'leased' && piece.lease === lease)
      .flatMap(piece => this.#runsOf(piece))
  }

  /** What was taken waits again, in its place. */
  putBack(pieces: readonly Piece[]): void {
    this.#gate.putBack(messagesIn(pieces))
    for (const piece of pieces) this.#options.state.restore(piece)
  }

  /** Nobody need wait for this: if the mark is lost, they are found to have expired once more. */
  #expire(pieces: Piece[]): void {
    const { state, journal, system } = this.#options
    for (const { stream, runs } of groupPieces(pieces)) {
      const mark: ExpiredMark = { m: 'expired', s: stream, r: runs }
      journal.mark(mark).catch(() => undefined)
    }
    state.finish(pieces, 'expired', system.clock.now())
  }

  #runsOf(piece: Piece): ClaimRun[] {
    const { block, deliveries, attempts } = piece
    const { stream, path } = block
    const { priority, node, origin, id } = stream
    const { name: channel } = this.#options
    return placesOf(block, piece.from, piece.to)!.map(({ from, to, at, bytes, receivedAt }) => ({
      channel,
      priority,
      node,
      origin,
      stream: id,
      from,
      count: to - from,
      path,
      at,
      bytes,
      receivedAt,
      deliveries,
      attempts
    }))
  }
}

/** Fields are set one by one: each spread costs more than the rest of the mark. */
function leaseMark(lease: ChannelLease, { first, stream, runs }: PieceGroup): LeaseMark {
  const mark: LeaseMark = { m: 'lease', l: lease.id, u: lease.untilWall, s: stream, r: runs }
  if (first.deliveries !== 1) mark.d = first.deliveries
  if (first.attempts !== 0) mark.a = first.attempts
  if (lease.own) mark.o = 1
  if (lease.consumer !== undefined) mark.c = lease.consumer
  return mark
}

function messagesIn(pieces: readonly Piece[]): number {
  return pieces.reduce((count, { from, to }) => count + to - from, 0)
}

/** How many messages at the beginning of a piece have expired. */
function countExpired(piece: Piece, now: number): number {
  const { table, from } = piece.block
  const expires = table?.expires
  let count = 0
  while (expires !== undefined && piece.from + count < piece.to && expires[piece.from + count - from]! <= now) count++
  return count
}

/** How many messages at the beginning of a piece can be taken. Undefined when the block must be read to say. */
function countFitting(
  piece: Piece,
  now: number,
  max: number,
  bytesMax: number,
  atLeastOne: boolean
): number | undefined {
  const { block } = piece
  const { table } = block
  let to = Math.min(piece.to, piece.from + max)
  for (let at = piece.from; table?.expires !== undefined && at < to; at++)
    if (table.expires[at - block.from]! <= now) to = at
  const whole = bytesOf(block, piece.from, to)
  if (whole === undefined) return bytesMax <= 0 && !atLeastOne ? 0 : undefined
  if (whole <= bytesMax) return to - piece.from
  if (table === undefined) return atLeastOne ? (to - piece.from === 1 ? 1 : undefined) : 0
  let count = 0
  let bytes = 0
  for (; piece.from + count < to; count++) {
    const i = piece.from + count - block.from
    bytes += table.ends[i]! - table.begins[i]!
    if (bytes > bytesMax) break
  }
  return Math.max(count, atLeastOne ? 1 : 0)
}
