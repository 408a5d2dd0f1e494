import type { Clock } from '../system/clock.ts'
import type { Random } from '../system/random.ts'

const ID_BYTES = 16
const COUNTER_MAX = 0x3ffffff
const COUNTER_START_MAX = 0xffffff
const HEX3 = Array.from({ length: 0x1000 }, (_, i) => i.toString(16).padStart(3, '0'))
const HEX4 = Array.from({ length: 0x4000 }, (_, i) => (i | 0x8000).toString(16))

/**
 * Message ids: UUIDv7 (RFC 9562, section 5.7; a counter after its section 6.2, method 1).
 *
 *     48 bits ms | 4 bits version | 12 bits counter, high | 2 bits variant | 14 bits counter, low | 48 random bits of this process
 *
 * They rise strictly within a process, also when the clock stands or steps back. Two processes differ by 48 random bits and
 * by where their counters start (24 random bits).
 */
export class Ids {
  readonly #clock: Clock
  /** The last id; its counter is put in when it is asked for. */
  readonly #last = Buffer.alloc(ID_BYTES)
  readonly #suffix: string
  readonly #start: number
  #ms = 0
  #counter = 0
  #prefix = ''

  constructor(clock: Clock, random: Random) {
    this.#clock = clock
    const process = random.bytes(6)
    process.copy(this.#last, 10)
    this.#suffix = `-${process.toString('hex')}`
    this.#start = random.bytes(4).readUInt32LE() & COUNTER_START_MAX
  }

  /**
   * The next id as text, 36 characters.
   *
   * @param now Wall ms, as just looked at: that takes longer than the rest.
   */
  next(now = this.#clock.now()): string {
    if (now > this.#ms) this.#begin(now)
    else if (++this.#counter > COUNTER_MAX) this.#begin(this.#ms + 1)
    return `${this.#prefix + HEX3[this.#counter >>> 14]}-${HEX4[this.#counter & 0x3fff]}${this.#suffix}`
  }

  /** The id that `next` gave last, as 16 bytes. */
  writeLast(into: Buffer, at: number): void {
    const bytes = this.#last
    bytes[6] = 0x70 | (this.#counter >>> 22)
    bytes[7] = this.#counter >>> 14
    bytes[8] = 0x80 | ((this.#counter >>> 8) & 0x3f)
    bytes[9] = this.#counter
    // Byte by byte: a call costs more than sixteen of these.
    for (let i = 0; i < ID_BYTES; i++) into[at + i] = bytes[i]!
  }

  #begin(ms: number): void {
    this.#ms = ms
    this.#counter = this.#start
    this.#last.writeUIntBE(ms, 0, 6)
    const hex = ms.toString(16).padStart(12, '0')
    this.#prefix = `${hex.slice(0, 8)}-${hex.slice(8)}-7`
  }
}

/** 16 bytes of a UUID as text. */
export function uuidText(bytes: Buffer, at: number): string {
  const hex = bytes.toString('hex', at, at + 16)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** When an id of ours was made, wall ms. Undefined for one that cannot be ours. */
export function uuidMs(id: string): number | undefined {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id)
    ? Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)
    : undefined
}
