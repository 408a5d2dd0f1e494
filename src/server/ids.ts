import { createHash } from 'node:crypto'
import type { Clock } from '../system/clock.ts'

/** Bytes of SHA-256 kept of an id: enough that no two meet. */
export const KEY_BYTES = 16
const KEY_WORDS = KEY_BYTES / 4
const GENERATIONS = 8
/** A generation is forgotten when it has looked too old for so long, by the monotonic clock: wall clocks jump. */
const DOUBT_MS = 3_600_000
const SWEEP_MS = 60_000

/** What an id is remembered by: 16 bytes as a latin1 string. */
export function idKey(origin: string, channel: string, id: string): string {
  const hash = createHash('sha256').update(`${origin}\n${channel}\n${id}`)
  return hash.digest().toString('latin1', 0, KEY_BYTES)
}

/**
 * Ids that callers gave, so that a message which comes a second time by another way is recognised (P2).
 *
 * 16 bytes an id, in tables by time of arrival, each forgotten whole after `memoryMs`. Ids whose messages are still on
 * their way to the disk are known as well: whoever comes second is answered after the commit of whoever came first, since
 * both go through one journal in order, and a failed commit takes back both.
 */
export class Ids {
  readonly #clock: Clock
  readonly #memoryMs: number
  readonly #generations = new Map<number, KeyTable>()
  readonly #onTheWay = new Set<string>()
  readonly #oldSince = new Map<number, number>()
  #sweptAt = 0

  constructor(options: { clock: Clock; memoryMs: number }) {
    this.#clock = options.clock
    this.#memoryMs = options.memoryMs
  }

  get size(): number {
    let size = this.#onTheWay.size
    for (const table of this.#generations.values()) size += table.size
    return size
  }

  has(key: string): boolean {
    if (this.#onTheWay.has(key)) return true
    for (const table of this.#generations.values()) if (table.has(key)) return true
    return false
  }

  /** Whether its message is here, synced. */
  remembers(key: string): boolean {
    for (const table of this.#generations.values()) if (table.has(key)) return true
    return false
  }

  /** Its message is on its way to the disk. */
  expect(key: string): void {
    this.#onTheWay.add(key)
  }

  /** It did not get there. */
  forget(key: string): void {
    this.#onTheWay.delete(key)
  }

  /** It is there, since `at` (wall ms). */
  add(key: string, at: number): void {
    this.#onTheWay.delete(key)
    const generation = Math.floor(at / (this.#memoryMs / GENERATIONS))
    let table = this.#generations.get(generation)
    if (table === undefined) {
      table = new KeyTable()
      this.#generations.set(generation, table)
    }
    table.add(key)
    this.#sweep()
  }

  /** Whether an id that arrived at `at` still counts. */
  counts(at: number): boolean {
    return at + this.#memoryMs > this.#clock.now()
  }

  #sweep(): void {
    const ticks = this.#clock.ticks()
    if (ticks < this.#sweptAt + SWEEP_MS) return
    this.#sweptAt = ticks
    const now = this.#clock.now()
    for (const generation of this.#generations.keys()) {
      const newest = (generation + 1) * (this.#memoryMs / GENERATIONS)
      if (newest + this.#memoryMs > now) this.#oldSince.delete(generation)
      else if (!this.#oldSince.has(generation)) this.#oldSince.set(generation, ticks)
      else if (ticks - this.#oldSince.get(generation)! >= DOUBT_MS) {
        this.#generations.delete(generation)
        this.#oldSince.delete(generation)
      }
    }
  }
}

/** Keys in one flat array, open addressing. */
class KeyTable {
  size = 0
  #slots = 64
  #words = new Uint32Array(64 * KEY_WORDS)
  static readonly #key = new Uint32Array(KEY_WORDS)

  has(key: string): boolean {
    return this.#words[this.#find(split(key, KeyTable.#key)) * KEY_WORDS] !== 0
  }

  add(key: string): void {
    const words = split(key, KeyTable.#key)
    const slot = this.#find(words)
    if (this.#words[slot * KEY_WORDS] !== 0) return
    this.#words.set(words, slot * KEY_WORDS)
    if (++this.size * 2 > this.#slots) this.#grow()
  }

  /** The slot of the key, or the empty one where it belongs. */
  #find(words: Uint32Array): number {
    for (let slot = words[0]! & (this.#slots - 1); ; slot = (slot + 1) & (this.#slots - 1)) {
      const at = slot * KEY_WORDS
      if (this.#words[at] === 0) return slot
      if (
        this.#words[at] === words[0] &&
        this.#words[at + 1] === words[1] &&
        this.#words[at + 2] === words[2] &&
        this.#words[at + 3] === words[3]
      )
        return slot
    }
  }

  #grow(): void {
    const old = this.#words
    this.#slots *= 2
    this.#words = new Uint32Array(this.#slots * KEY_WORDS)
    for (let at = 0; at < old.length; at += KEY_WORDS) {
      if (old[at] === 0) continue
      const words = old.subarray(at, at + KEY_WORDS)
      this.#words.set(words, this.#find(words) * KEY_WORDS)
    }
  }
}

function split(key: string, into: Uint32Array): Uint32Array {
  for (let word = 0; word < KEY_WORDS; word++) {
    let value = 0
    for (let byte = 0; byte < 4; byte++) value = (value << 8) | key.charCodeAt(word * 4 + byte)
    into[word] = value
  }
  // The first word tells empty slots from taken ones.
  if (into[0] === 0) into[0] = 1
  into[0] ||= 1
  return into
}
