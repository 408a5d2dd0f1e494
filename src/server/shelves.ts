import { Heap } from './heap.ts'
import type { Piece } from './pieces.ts'
import { Ready } from './ready.ts'

export interface ChannelCounts {
  /** May be handed out now. */
  pending: number
  leased: number
  /** Kept back by an operator. */
  held: number
  /** Wait for their time to be tried again. */
  delayed: number
  /** Since the owner opened the channel, as far back as its segments go. */
  done: number
  dead: number
  expired: number
  /** Dropped because their id was here, and attempts that failed, since the owner opened the channel. */
  duplicates: number
  attemptsFailed: number
}

/** Where pieces are: ready, delayed, or under a lease. Knows how many messages are where, and cuts pieces apart. */
export class Shelves {
  readonly counts: ChannelCounts = {
    pending: 0,
    leased: 0,
    held: 0,
    delayed: 0,
    done: 0,
    dead: 0,
    expired: 0,
    duplicates: 0,
    attemptsFailed: 0
  }
  readonly ready = new Ready()
  readonly #delayed = new Heap<Piece>()

  /** When the next delayed one is due, in ticks. */
  get nextDue(): number | undefined {
    return this.#delayed.first
  }

  /** A piece comes to where its state says. */
  enter(piece: Piece): void {
    const count = piece.to - piece.from
    if (piece.state === 'delayed') {
      this.counts.delayed += count
      this.#delayed.push(piece.dueAt, piece)
    } else if (piece.state === 'ready') {
      this.counts.pending += count
      this.ready.push(piece)
    } else if (piece.state === 'parked') this.counts.pending += count
    else if (piece.state === 'held') this.counts.held += count
    else {
      this.counts.leased += count
      piece.lease?.pieces.add(piece)
    }
  }

  /** Counts a piece out of where it is. It must leave its queue too: taken out of it, or gone. */
  leave(piece: Piece): void {
    this.#count(piece, -(piece.to - piece.from))
    if (piece.lease === undefined) return
    piece.lease.pieces.delete(piece)
    piece.lease.limbo.delete(piece)
  }

  /** Takes out a delayed piece whose time has come. */
  popDue(ticks: number): Piece | undefined {
    for (let piece = this.#delayed.popUpTo(ticks); piece !== undefined; piece = this.#delayed.popUpTo(ticks)) {
      if (piece.state === 'gone') continue
      this.leave(piece)
      return piece
    }
    return undefined
  }

  /** The part before `to` of a piece, which stays where it is with what is left. The part is nowhere. */
  front(piece: Piece, to: number): Piece {
    const front = { ...piece, to }
    piece.from = to
    piece.block.stream.add(front)
    this.#count(front, front.from - front.to)
    return front
  }

  /** Makes two pieces that lie ready side by side one. */
  join(front: Piece, back: Piece): void {
    back.block.stream.join(front, back)
    this.ready.joined(back)
  }

  /** Takes [from, to) of a piece out of where it is. */
  carve(piece: Piece, from: number, to: number): Piece {
    const { stream } = piece.block
    if (from === piece.from && to === piece.to) {
      this.leave(piece)
      if (piece.state !== 'ready' && piece.state !== 'delayed') return piece
      // It still lies in a queue, which knows it by its state.
      const copy = { ...piece }
      stream.drop(piece)
      stream.add(copy)
      return copy
    }
    if (from === piece.from) return this.front(piece, to)
    const rest = to < piece.to ? { ...piece, from: to } : undefined
    const cut = { ...piece, from, to }
    piece.to = from
    stream.add(cut)
    this.#count(cut, from - to)
    if (rest === undefined) return cut
    stream.add(rest)
    this.#count(rest, rest.from - rest.to)
    this.enter(rest)
    return cut
  }

  #count(piece: Piece, change: number): void {
    if (piece.state === 'ready' || piece.state === 'parked') this.counts.pending += change
    else if (piece.state === 'delayed') this.counts.delayed += change
    else if (piece.state === 'held') this.counts.held += change
    else if (piece.lease !== undefined) this.counts.leased += change
  }
}
