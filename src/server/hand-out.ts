import type { Limits } from '../limits.ts'
import type { Clock } from '../system/clock.ts'
import type { ChannelState } from './channel-state.ts'
import type { InboxJournal } from './inbox-journal.ts'
import { type ExpiredMark, groupPieces, type LeaseMark } from './inbox-marks.ts'
import type { ClaimRun } from './inbox-port.ts'
import type { ChannelLease } from './leases.ts'
import { type Block, type Piece, placeOf } from './pieces.ts'
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
  limits: Limits
  state: ChannelState
  journal: InboxJournal
  verdicts: Verdicts
}

/** Who asks is given what comes next. */
export class HandOut {
  readonly #options: HandOutOptions

  constructor(options: HandOutOptions) {
    this.#options = options
  }

  /** Whether there is something to take. */
  get ready(): boolean {
    return this.#options.state.peek() !== undefined
  }

  /** Takes messages out of the queue, the first ones. What expired meanwhile is marked so. */
  take(max: number, bytesMax: number, atLeastOne = true): Taken {
    const { state, limits, system } = this.#options
    const taken: Taken = { pieces: [], messages: 0, bytes: 0, blocked: undefined }
    const expired: Piece[] = []
    const doomed: Piece[] = []
    const now = system.clock.now()
    while (taken.messages < max) {
      const head = state.peek()
      if (head === undefined) break
      if (head.attempts > limits.attemptsMax) {
        doomed.push(state.grab(head, head.to - head.from))
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
      const piece = state.grab(head, count)
      taken.pieces.push(piece)
      taken.messages += count
      taken.bytes += placeOf(piece.block, piece.from, piece.to)!.bytes
    }
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
    state.lease(lease, pieces)
    const marks = groupPieces(pieces).map(({ first, stream, runs }): LeaseMark => {
      const { deliveries, attempts } = first
      return {
        m: 'lease',
        l: lease.id,
        u: lease.untilWall,
        s: stream,
        r: runs,
        ...(deliveries !== 1 && { d: deliveries }),
        ...(attempts !== 0 && { a: attempts }),
        ...(lease.own && { o: 1 })
      }
    })
    await Promise.all(marks.map(mark => journal.mark(mark, () => state.unlease(lease))))
    return pieces.filter(piece => piece.state === 'leased' && piece.lease === lease).map(piece => this.#runOf(piece))
  }

  /** What was taken waits again, in its place. */
  putBack(pieces: readonly Piece[]): void {
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

  #runOf(piece: Piece): ClaimRun {
    const { block, from, to, deliveries, attempts } = piece
    const { stream, path, at: receivedAt } = block
    const { priority, node, origin, id } = stream
    const { at, bytes } = placeOf(block, from, to)!
    return {
      channel: this.#options.name,
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
    }
  }
}

/** How many messages at the beginning of a piece have expired. */
function countExpired(piece: Piece, now: number): number {
  const { expires, from } = piece.block
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
  let to = Math.min(piece.to, piece.from + max)
  for (let at = piece.from; block.expires !== undefined && at < to; at++)
    if (block.expires[at - block.from]! <= now) to = at
  const whole = placeOf(block, piece.from, to)
  if (whole === undefined) return bytesMax <= 0 && !atLeastOne ? 0 : undefined
  if (whole.bytes <= bytesMax) return to - piece.from
  const { offsets } = block
  if (offsets === undefined) return atLeastOne ? (to - piece.from === 1 ? 1 : undefined) : 0
  let count = 0
  const begin = offsets[piece.from - block.from]!
  while (piece.from + count < to && offsets[piece.from + count + 1 - block.from]! - begin <= bytesMax) count++
  return Math.max(count, atLeastOne ? 1 : 0)
}
