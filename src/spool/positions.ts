/** So many positions are kept together: as a list while they are few, then as bits. */
const CHUNK = 4_096
const LIST_MAX = 64

/** A set of positions of one stream, small in memory also where every second one is in. */
export class Positions {
  readonly #chunks = new Map<number, number[] | Uint8Array>()

  /** False when it was in. */
  add(position: number): boolean {
    const key = Math.floor(position / CHUNK)
    const at = position % CHUNK
    const chunk = this.#chunks.get(key)
    if (chunk === undefined) this.#chunks.set(key, [at])
    else if (isIn(chunk, at)) return false
    else if (chunk instanceof Uint8Array) setBit(chunk, at)
    else if (chunk.push(at) > LIST_MAX) {
      const bits = new Uint8Array(CHUNK / 8)
      for (const one of chunk) setBit(bits, one)
      this.#chunks.set(key, bits)
    }
    return true
  }

  has(position: number): boolean {
    const chunk = this.#chunks.get(Math.floor(position / CHUNK))
    return chunk !== undefined && isIn(chunk, position % CHUNK)
  }
}

function isIn(chunk: number[] | Uint8Array, at: number): boolean {
  return chunk instanceof Uint8Array ? (chunk[at >> 3]! & (1 << (at & 7))) !== 0 : chunk.includes(at)
}

function setBit(bits: Uint8Array, at: number): void {
  bits[at >> 3]! |= 1 << (at & 7)
}

/** The same over many streams. */
export class StreamPositions {
  readonly #streams = new Map<string, Positions>()

  /** False when it was in. */
  add(stream: string, position: number): boolean {
    let positions = this.#streams.get(stream)
    if (positions === undefined) {
      positions = new Positions()
      this.#streams.set(stream, positions)
    }
    return positions.add(position)
  }

  has(stream: string, position: number): boolean {
    return this.#streams.get(stream)?.has(position) === true
  }
}
