import { type Block, orderOf, type Piece } from './pieces.ts'
import type { StreamState } from './stream-state.ts'

/** Parked messages of one key at positions of [from, to), and perhaps others in between. */
interface Parked {
  stream: StreamState
  from: number
  to: number
  /** In the order of arrival. */
  order: number
  /** Wall ms when they were received. */
  at: number
}

interface Owner {
  stream: StreamState
  position: number
}

/** So many runs may be parked in a channel; what comes behind waits in the queue, whatever its key: memory is bounded. */
const PARKED_MAX = 100_000

/**
 * Of the messages of one key only one is out at a time, in the order of arrival.
 *
 * A key belongs to the message that was taken until that is finished, also while it waits to be tried again. Others of the key
 * that come up meanwhile are parked, each key's in its own line: they hold up nobody else. Messages without a key never
 * come here.
 */
export class KeyOrder {
  readonly #owners = new Map<number, Owner>()
  /** The key of each message that owns one, by position. */
  readonly #owned = new Map<StreamState, Map<number, number>>()
  readonly #lines = new Map<number, Parked[]>()
  readonly #freed = new Set<number>()
  readonly #parkedMax: number
  #parked = 0

  constructor(parkedMax = PARKED_MAX) {
    this.#parkedMax = parkedMax
  }

  /** There is no room to park more. */
  get isFull(): boolean {
    return this.#parked >= this.#parkedMax
  }

  /** Somebody's turn has come. */
  get isWaiting(): boolean {
    return this.#freed.size > 0
  }

  /** Wall ms when the oldest of those parked was received, about. */
  get oldestAt(): number | undefined {
    let oldest: number | undefined
    for (const [first] of this.#lines.values())
      if (first !== undefined && (oldest === undefined || first.at < oldest)) oldest = first.at
    return oldest
  }

  /** How many of the first `max` messages of a piece may go: their keys are theirs from now on. Its block's table is there. */
  own({ block, from }: Piece, max: number): number {
    const keys = block.table!.keys!
    let count = 0
    for (; count < max; count++) {
      const key = keys[from + count - block.from]!
      if (key !== 0 && !this.take(key, { stream: block.stream, position: from + count })) break
    }
    return count
  }

  /** Whether the key is this message's, or becomes so. */
  take(key: number, { stream, position }: Owner): boolean {
    const owner = this.#owners.get(key)
    if (owner !== undefined) return owner.stream === stream && owner.position === position
    if (this.#lines.has(key)) return false
    this.#give(key, stream, position)
    return true
  }

  /** How many of the first messages of a piece have keys that are others'. */
  busy({ block, from, to }: Piece): number {
    const keys = block.table!.keys!
    let at = from
    for (; at < to; at++) {
      const key = keys[at - block.from]!
      const owner = this.#owners.get(key)
      if (key === 0 || (owner === undefined && !this.#lines.has(key))) break
      if (owner?.stream === block.stream && owner.position === at) break
    }
    return at - from
  }

  /** A piece of such messages joins the lines of their keys. */
  park(piece: Piece): void {
    const { block, from, to } = piece
    const keys = block.table!.keys!
    const seen = new Set<number>()
    for (let at = from; at < to; at++) {
      const key = keys[at - block.from]!
      if (seen.has(key)) continue
      seen.add(key)
      this.#join(key, { stream: block.stream, from: at, to, order: orderOf(piece) + at - from, at: block.at })
    }
  }

  /** Messages at positions of [from, to) are finished, or were never there. */
  done(stream: StreamState, from: number, to: number): void {
    const owned = this.#owned.get(stream)
    if (owned === undefined) return
    for (let position = from; position < to; position++) {
      const key = owned.get(position)
      if (key === undefined) continue
      owned.delete(position)
      this.#owners.delete(key)
      if (this.#lines.has(key)) this.#freed.add(key)
    }
    if (owned.size === 0) this.#owned.delete(stream)
  }

  /** The message whose turn has come, its key's owner by now; or a block that must be read to say; undefined: nobody's. */
  next(): Owner | Block | undefined {
    for (const key of this.#freed) {
      const line = this.#lines.get(key) ?? []
      for (let first = line[0]; first !== undefined; first = line[0]) {
        const found = findParked(first, key)
        if (found !== undefined && typeof found !== 'number') return found
        if (found === undefined) {
          line.shift()
          this.#parked--
          continue
        }
        first.from = found + 1
        this.#freed.delete(key)
        this.#give(key, first.stream, found)
        return { stream: first.stream, position: found }
      }
      this.#lines.delete(key)
      this.#freed.delete(key)
    }
    return undefined
  }

  #give(key: number, stream: StreamState, position: number): void {
    this.#owners.set(key, { stream, position })
    const owned = this.#owned.get(stream)
    if (owned === undefined) this.#owned.set(stream, new Map([[position, key]]))
    else owned.set(position, key)
  }

  /** Mostly at the end: pieces come up in order. */
  #join(key: number, parked: Parked): void {
    const line = this.#lines.get(key) ?? []
    this.#lines.set(key, line)
    let at = line.length
    while (at > 0 && isBefore(parked, line[at - 1]!)) at--
    line.splice(at, 0, parked)
    this.#parked++
  }
}

function isBefore(a: Parked, b: Parked): boolean {
  const first = b.stream.priority - a.stream.priority
  return first !== 0 ? first < 0 : a.order < b.order
}

/** The first position in a parked run that has the key; a block whose table is needed to say; undefined: none any more. */
function findParked({ stream, from, to }: Parked, key: number): number | Block | undefined {
  for (const { block, state, from: begin, to: end } of stream.between(from, to)) {
    if (state !== 'parked') continue
    const keys = block.table?.keys
    if (keys === undefined) return block
    for (let at = Math.max(from, begin); at < Math.min(to, end); at++) if (keys[at - block.from] === key) return at
  }
  return undefined
}
