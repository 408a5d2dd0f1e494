import type { SimRandom } from './sim-random.ts'

/**
 * What a power cut does to what was not synced. `random` takes any combination; `keep` and `lose` are the two ends; a number
 * keeps exactly so many un-synced bytes of each file, counted from its front: to cut a file at every byte in turn.
 */
export type SimFate = 'random' | 'keep' | 'lose' | number

/** What the disk writes whole or not at all. */
const SECTOR_BYTES = 512

interface Range {
  from: number
  to: number
}

/**
 * The bytes of one simulated file: as every process sees them (the page cache), and as the disk has them.
 *
 * Ranges that differ are `dirty`. A failed sync makes them clean without having written them, as Linux does: they read back
 * well until the power cut, and the next sync says "ok".
 */
export class SimContent {
  #cache = Buffer.alloc(0)
  #disk = Buffer.alloc(0)
  #dirty: Range[] = []
  #bytes = 0
  #diskBytes = 0

  get bytes(): number {
    return this.#bytes
  }

  /** The bytes as processes see them; a view, not a copy. */
  seen(): Buffer {
    return this.#cache.subarray(0, this.#bytes)
  }

  write(position: number, data: Uint8Array): void {
    if (data.length === 0) return
    const to = position + data.length
    this.#cache = grown(this.#cache, to)
    this.#cache.set(data, position)
    this.#bytes = Math.max(this.#bytes, to)
    this.#dirty = [...without(this.#dirty, position, to), { from: position, to }]
  }

  /** Makes [from, to) durable, and a length that reaches to its end. */
  syncRange(from: number, to: number): void {
    for (const dirty of this.#dirty) this.#store(Math.max(from, dirty.from), Math.min(to, dirty.to))
    this.#dirty = without(this.#dirty, from, to)
    this.#diskBytes = Math.max(this.#diskBytes, to)
  }

  syncAll(): void {
    for (const { from, to } of this.#dirty) this.#store(from, to)
    this.#dirty = []
    this.#diskBytes = this.#bytes
  }

  /** What a failed sync leaves: nothing to do, as far as the system knows. */
  forget(from = 0, to = Number.POSITIVE_INFINITY): void {
    this.#dirty = without(this.#dirty, from, to)
  }

  /** Cuts the file, durably. */
  cut(bytes: number): void {
    this.forget(bytes)
    this.#cache.fill(0, bytes)
    this.#disk.fill(0, bytes)
    this.#bytes = bytes
    this.#diskBytes = Math.min(this.#diskBytes, bytes)
    this.syncAll()
  }

  /** A bit of the medium turns. */
  flip(byte: number, bit: number): void {
    if (byte >= this.#bytes) throw new RangeError(`byte ${byte} of ${this.#bytes}`)
    this.#cache[byte]! ^= 1 << bit
    if (byte < this.#diskBytes) this.#disk[byte]! ^= 1 << bit
  }

  crash(random: SimRandom, fate: SimFate): void {
    const dirtyBytes = this.#dirty.reduce((sum, { from, to }) => sum + to - from, 0)
    if (fate === 'keep') this.syncAll()
    else if (typeof fate === 'number') this.#keepFirst(fate)
    else if (fate === 'random') {
      const kind = random.int(4)
      if (kind === 1) this.syncAll()
      if (kind === 2) this.#keepFirst(random.int(dirtyBytes + 1))
      if (kind === 3) this.#keepSectors(random)
    }
    this.#bytes = this.#diskBytes
    this.#cache = Buffer.from(grown(this.#disk, this.#bytes).subarray(0, this.#bytes))
    this.#disk = Buffer.from(this.#cache)
    this.#dirty = []
  }

  clone(): SimContent {
    const copy = new SimContent()
    copy.#cache = Buffer.from(this.#cache)
    copy.#disk = Buffer.from(this.#disk)
    copy.#dirty = this.#dirty.map(range => ({ ...range }))
    copy.#bytes = this.#bytes
    copy.#diskBytes = this.#diskBytes
    return copy
  }

  #keepFirst(count: number): void {
    let left = count
    for (const { from, to } of this.#dirty.toSorted((one, other) => one.from - other.from)) {
      const kept = Math.min(left, to - from)
      this.#store(from, from + kept)
      if (kept > 0) this.#diskBytes = Math.max(this.#diskBytes, from + kept)
      left -= kept
    }
  }

  /** Each sector comes through or not, one of them in part; the length is the old one, the new one or one between. */
  #keepSectors(random: SimRandom): void {
    for (const { from, to } of this.#dirty) {
      const torn = from + random.int(to - from)
      for (let at = from; at < to; ) {
        const end = Math.min(to, (Math.floor(at / SECTOR_BYTES) + 1) * SECTOR_BYTES)
        if (random.chance(0.5)) this.#store(at, torn > at && torn < end ? torn : end)
        at = end
      }
    }
    const grew = this.#bytes - this.#diskBytes
    if (grew > 0) this.#diskBytes += random.pick([0, grew, random.int(grew)])
    // Sectors beyond the length are not part of the file, and zeros when it grows over them again.
    this.#disk.fill(0, this.#diskBytes)
  }

  #store(from: number, to: number): void {
    if (to <= from) return
    this.#disk = grown(this.#disk, to)
    this.#cache.copy(this.#disk, from, from, to)
  }
}

function without(ranges: Range[], from: number, to: number): Range[] {
  const rest: Range[] = []
  for (const range of ranges) {
    if (range.from < from) rest.push({ from: range.from, to: Math.min(range.to, from) })
    if (range.to > to) rest.push({ from: Math.max(range.from, to), to: range.to })
  }
  return rest
}

function grown(buffer: Buffer, bytes: number): Buffer<ArrayBuffer> {
  if (bytes <= buffer.length) return buffer as Buffer<ArrayBuffer>
  const bigger = Buffer.alloc(Math.max(bytes, buffer.length * 2, 1024))
  buffer.copy(bigger)
  return bigger
}
