import type { Random } from '../random.ts'

/**
 * Chance that can be repeated: the same seed gives the same numbers, on every machine.
 *
 * The generator is sfc32 ("small fast chaotic") of Chris Doty-Humphrey's PractRand (pracrand.sourceforge.net, public
 * domain): 128 bits of state, among them a counter, so that no seed has a short cycle. Not for secrets.
 */
export class SimRandom implements Random {
  readonly #state = new Uint32Array(4)
  readonly #seed: string

  /** @param seed Any number or text: every one gives its own row. */
  constructor(seed: number | string) {
    this.#seed = String(seed)
    // FNV-1a of the seed, spread by a different start for each word.
    for (let word = 0; word < 3; word++) {
      let hash = 0x811c9dc5 ^ word
      for (const byte of Buffer.from(`${word} ${this.#seed}`)) hash = Math.imul(hash ^ byte, 0x01000193)
      this.#state[word] = hash
    }
    this.#state[3] = 1
    for (let warmUp = 0; warmUp < 15; warmUp++) this.uint32()
  }

  /** A row of its own for one part of the world, so that a draw more in one place changes nothing in the others. */
  fork(name: string): SimRandom {
    return new SimRandom(`${this.#seed}/${name}`)
  }

  uint32(): number {
    const state = this.#state
    const [a, b, c, counter] = state as unknown as [number, number, number, number]
    const sum = (a + b + counter) >>> 0
    state[0] = b ^ (b >>> 9)
    state[1] = c + (c << 3)
    state[2] = ((c << 21) | (c >>> 11)) + sum
    state[3] = counter + 1
    return sum
  }

  next(): number {
    return this.uint32() / 2 ** 32
  }

  bytes(count: number): Buffer {
    const bytes = Buffer.alloc(count)
    for (let at = 0; at < count; at++) bytes[at] = this.uint32() >>> 24
    return bytes
  }

  /** A whole number from 0 to `below` - 1. */
  int(below: number): number {
    return Math.floor(this.next() * below)
  }

  /** A number in [min, max]. */
  between(min: number, max: number): number {
    return min + this.next() * (max - min)
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return this.next() < probability
  }

  pick<T>(from: readonly T[]): T {
    if (from.length === 0) throw new TypeError('nothing to pick from')
    return from[this.int(from.length)] as T
  }
}
