import { DroprError } from '../errors.ts'
import type { Refusal } from './arriving.ts'
import type { PositionRun } from './inbox-port.ts'
import type { PeerShare } from './peer-shares.ts'
import type { Piece } from './pieces.ts'
import { Runs } from './runs.ts'

/** What identifies a stream, besides its random name. The first range says it, and it never changes. */
export interface StreamOrigin {
  /** Spool id of the sending node, 32 hex digits. */
  origin: string
  node: string
  channel: string
  priority: number
}

/** How far one stream has come, and its messages that are not finished. */
export class StreamState {
  readonly id: string
  readonly origin: string
  readonly node: string
  readonly channel: string
  readonly priority: number
  /** Positions below are here, synced. */
  next = 0
  /** Positions below are here or on their way to the disk. */
  pending = 0
  /** Wall ms when its sender said that it has removed the stream, durably. */
  removedAt: number | undefined
  /** Ascending, synced, not yet reported settled by the sender. */
  #refusals: Refusal[] = []
  /** Ascending, disjoint. Those 'gone' are swept out from time to time. */
  #pieces: Piece[] = []
  #gone = 0

  /** What of its node waits here, all streams together. */
  readonly share: PeerShare

  constructor(
    id: string,
    { origin, node, channel, priority }: StreamOrigin,
    share: PeerShare = { messages: 0, bytes: 0, channels: new Set() }
  ) {
    this.share = share
    share.channels.add(channel)
    this.id = id
    this.origin = origin
    this.node = node
    this.channel = channel
    this.priority = priority
  }

  /** Its node may have another name by now. @throws DroprError MESSAGE_MALFORMED when the rest is another's. */
  check({ origin, channel, priority }: StreamOrigin): void {
    if (this.origin === origin && this.channel === channel && this.priority === priority) return
    throw new DroprError('MESSAGE_MALFORMED', `stream ${this.id} belongs to another origin, channel or priority`)
  }

  /** Where the sender has durably marked our answers below `settled`, they are not repeated. */
  refusals(settled = 0): readonly Refusal[] {
    if (this.#refusals.length > 0 && this.#refusals[0]!.at < settled)
      this.#refusals = this.#refusals.filter(refusal => refusal.at >= settled)
    return this.#refusals
  }

  /** Adds what is not known yet: the same frame may be read twice. */
  refuse(refusals: readonly Refusal[]): void {
    const last = this.#refusals.at(-1)?.at ?? -1
    for (const refusal of refusals) if (refusal.at > last) this.#refusals.push(refusal)
  }

  /** The pieces that hold a position of [from, to), ascending. */
  between(from: number, to: number): Piece[] {
    const found: Piece[] = []
    for (let i = this.#firstEndingAfter(from); i < this.#pieces.length; i++) {
      const piece = this.#pieces[i]!
      if (piece.from >= to) break
      if (piece.state !== 'gone' && piece.from < piece.to) found.push(piece)
    }
    return found
  }

  /** Of `runs`, what no piece holds: finished, or never seen. */
  missing(runs: readonly PositionRun[]): PositionRun[] {
    return runs.flatMap(([from, to]) =>
      new Runs(this.between(from, to).map(piece => [piece.from, piece.to])).gaps(from, to)
    )
  }

  /** The piece that ends right there. */
  endingAt(position: number): Piece | undefined {
    for (let i = this.#firstEndingAfter(position - 1); i < this.#pieces.length; i++) {
      const piece = this.#pieces[i]!
      if (piece.to !== position) return undefined
      if (piece.state !== 'gone') return piece
    }
    return undefined
  }

  /** Every piece that is not gone, ascending. */
  all(): Piece[] {
    return this.#pieces.filter(piece => piece.state !== 'gone')
  }

  add(piece: Piece): void {
    const last = this.#pieces.at(-1)
    if (last === undefined || last.to <= piece.from) this.#pieces.push(piece)
    else this.#pieces.splice(this.#firstEndingAfter(piece.from), 0, piece)
  }

  /** A piece takes in the one after it: what is gone there would be out of order. */
  join(front: Piece, back: Piece): void {
    const from = this.#firstEndingAfter(front.from)
    const at = this.#pieces.indexOf(back, from)
    this.#pieces.splice(at, 1)
    // What became nothing between the two is gone with it.
    for (let i = at - 1; i > from; i--) if (this.#pieces[i]!.state === 'gone') this.#pieces.splice(i, 1)
    back.state = 'gone'
    front.to = back.to
  }

  /** A piece is over: finished, or replaced by others. */
  drop(piece: Piece): void {
    piece.state = 'gone'
    if (++this.#gone >= 64 && this.#gone * 2 >= this.#pieces.length) this.sweep()
  }

  /** Forgets the pieces that are gone. */
  sweep(): void {
    this.#pieces = this.#pieces.filter(each => each.state !== 'gone')
    this.#gone = 0
  }

  #firstEndingAfter(position: number): number {
    let low = 0
    let high = this.#pieces.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#pieces[middle]!.to <= position) low = middle + 1
      else high = middle
    }
    return low
  }
}
