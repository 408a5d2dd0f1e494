import { PRIORITY } from '../message.ts'
import { orderOf, type Piece } from './pieces.ts'

/** Pieces that may be handed out: highest priority first, then in order of arrival, also those that came back. */
export class Ready {
  readonly #levels = Array.from({ length: PRIORITY.max + 1 }, () => new Level())

  /** Puts a piece, whose state is 'ready', in its place. */
  push(piece: Piece): void {
    this.#levels[piece.block.stream.priority]!.push(piece)
  }

  /** How many pieces wait that nobody has had yet, about: a depth, of this priority. */
  depth(priority: number): number {
    return this.#levels[priority]!.depth
  }

  /** A piece is gone: the one before it has taken it in. */
  joined(back: Piece): void {
    this.#levels[back.block.stream.priority]!.joined(back)
  }

  /** What comes next; undefined when nothing is ready. */
  peek(): Piece | undefined {
    for (let priority = PRIORITY.max; priority >= PRIORITY.min; priority--) {
      const first = this.#levels[priority]!.peek()
      if (first !== undefined) return first
    }
    return undefined
  }

  /** The pieces that come next, as many as hold `messages`, in order and left where they are. */
  first(messages: number): Piece[] {
    const found: Piece[] = []
    let left = messages
    for (let priority = PRIORITY.max; priority >= PRIORITY.min && left > 0; priority--) {
      for (const piece of this.#levels[priority]!.inOrder()) {
        found.push(piece)
        left -= piece.to - piece.from
        if (left <= 0) break
      }
    }
    return found
  }

  /** Wall ms when the oldest of them was received, about: what came back is not compared. */
  get oldestAt(): number | undefined {
    let oldest: number | undefined
    for (const level of this.#levels) {
      const at = level.peek()?.block.at
      if (at !== undefined && (oldest === undefined || at < oldest)) oldest = at
    }
    return oldest
  }

  /** Takes out what `peek` gave. */
  shift(): void {
    for (let priority = PRIORITY.max; priority >= PRIORITY.min; priority--) {
      const level = this.#levels[priority]!
      if (level.peek() === undefined) continue
      level.shift()
      return
    }
  }
}

const SWEEP_MIN = 4_096

/**
 * What comes in order goes to the end of one list; what came back waits in another, the earliest at its end. A piece of several
 * frames may begin before another one and end behind it: where they begin is what counts, else each such piece of a checkpoint
 * would have to find its place among all of them.
 */
class Level {
  #fresh: (Piece | undefined)[] = []
  #first = 0
  readonly #returned: Piece[] = []
  /** Pieces that are gone are swept out when the list has grown so long. */
  #sweepAt = SWEEP_MIN

  get depth(): number {
    return this.#fresh.length - this.#first
  }

  push(piece: Piece): void {
    const order = orderOf(piece)
    if (this.#fresh.length >= this.#sweepAt) this.#sweep()
    const first = this.#fresh[this.#first]
    const last = this.#fresh.at(-1)
    // The first is taken from in its place: what came back of it may begin behind the last, and must not wait behind that.
    if (first === undefined || (order > orderOf(first) && order > orderOf(last!))) {
      this.#fresh.push(piece)
      return
    }
    let low = 0
    let high = this.#returned.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (orderOf(this.#returned[middle]!) > order) low = middle + 1
      else high = middle
    }
    this.#returned.splice(low, 0, piece)
  }

  peek(): Piece | undefined {
    while (this.#returned.at(-1)?.state === 'gone') this.#returned.pop()
    while (this.#first < this.#fresh.length && this.#fresh[this.#first]!.state === 'gone') this.#dropFresh()
    const returned = this.#returned.at(-1)
    const fresh = this.#fresh[this.#first]
    if (returned === undefined || fresh === undefined) return returned ?? fresh
    return orderOf(returned) < orderOf(fresh) ? returned : fresh
  }

  *inOrder(): Generator<Piece> {
    let fresh = this.#first
    let returned = this.#returned.length - 1
    for (;;) {
      while (this.#returned[returned]?.state === 'gone') returned--
      while (this.#fresh[fresh]?.state === 'gone') fresh++
      const a = this.#returned[returned]
      const b = this.#fresh[fresh]
      const next = a === undefined || (b !== undefined && orderOf(b) < orderOf(a)) ? b : a
      if (next === undefined) return
      yield next
      if (next === a) returned--
      else fresh++
    }
  }

  shift(): void {
    const first = this.peek()
    if (first === undefined) return
    if (first === this.#returned.at(-1)) this.#returned.pop()
    else this.#dropFresh()
  }

  /** A piece is gone into the one before it. */
  joined(back: Piece): void {
    if (this.#fresh.length > this.#first && this.#fresh.at(-1) === back) this.#fresh.pop()
  }

  #sweep(): void {
    this.#fresh = this.#fresh.filter(piece => piece !== undefined && piece.state !== 'gone')
    this.#first = 0
    this.#sweepAt = Math.max(SWEEP_MIN, 2 * this.#fresh.length)
  }

  #dropFresh(): void {
    this.#fresh[this.#first++] = undefined
    if (this.#first < 1_024 || this.#first * 2 < this.#fresh.length) return
    this.#fresh = this.#fresh.slice(this.#first)
    this.#first = 0
  }
}
