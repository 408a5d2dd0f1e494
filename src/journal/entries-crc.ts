import { crc32 } from 'node:zlib'
import { ENTRY_BYTES_MIN, entryBytes } from './entry.ts'

/** Shorter entries are gone through faster than they are counted. */
const DERIVE_BYTES_MIN = 1_024
/** An entry's CRC leaves out its first bytes, which hold its length and that CRC. */
const UNCOVERED_BYTES = 8
/** CRC-32 of IEEE 802.3, reflected. */
const POLYNOMIAL = 0xedb8_8320
const FACTORS_MAX = 1_024

/**
 * The CRC-32 of whole entries one after the other, `count` of them in `parts`, each part of whole entries.
 *
 * Of large ones it is derived from the CRCs they hold: their bytes were gone through when those were made or checked, and a
 * bit that flips in memory after that is found by whoever reads the frame. Of A and B it is crc(A) * x^(8 * bytes of B) +
 * crc(B) modulo the polynomial, as in crc32_combine of zlib.
 */
export function entriesCrc(parts: readonly Uint8Array[], count: number): number {
  let bytes = 0
  for (const part of parts) bytes += part.length
  const derive = bytes >= count * DERIVE_BYTES_MIN
  let crc = 0
  for (const part of parts) crc = derive ? derived(part, crc) : crc32(part, crc)
  return crc
}

function derived({ buffer, byteOffset, length }: Uint8Array, begun: number): number {
  const entries = Buffer.from(buffer, byteOffset, length)
  let crc = begun
  for (let at = 0; at < length; ) {
    const end = at + (at + ENTRY_BYTES_MIN <= length ? entryBytes(entries, at) : 0)
    // Lengths that do not add up are for the reader to judge.
    if (end < at + ENTRY_BYTES_MIN || end > length) return crc32(entries.subarray(at), crc)
    let state = ~crc
    for (let i = at; i < at + UNCOVERED_BYTES; i++) state = BYTE_TABLE[(state ^ entries[i]!) & 0xff]! ^ (state >>> 8)
    crc = (multiply(factor(end - at - UNCOVERED_BYTES), ~state) ^ entries.readUInt32LE(at + 4)) >>> 0
    at = end
  }
  return crc
}

/** What the CRC of zeros becomes with this byte. */
export const BYTE_TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let value = byte
  for (let bit = 0; bit < 8; bit++) value = timesX(value)
  return value
})

/** x^(8 * 2^n), n from 0. */
const POWERS = powers()
const factors = new Map<number, number>()

/** x^(8 * bytes). */
function factor(bytes: number): number {
  const known = factors.get(bytes)
  if (known !== undefined) return known
  let product = 0x8000_0000 | 0
  for (let n = 0, left = bytes; left > 0; n++, left = Math.floor(left / 2))
    if (left % 2 === 1) product = multiply(POWERS[n]!, product)
  if (factors.size === FACTORS_MAX) factors.clear()
  factors.set(bytes, product)
  return product
}

function powers(): number[] {
  // x^8: the highest bit is x^0.
  let power = 0x0080_0000
  return Array.from({ length: 32 }, () => {
    const now = power
    power = multiply(power, power)
    return now
  })
}

/** Of two polynomials, modulo ours. */
function multiply(a: number, b: number): number {
  let product = 0
  let term = b
  for (let rest = a; rest !== 0; rest <<= 1) {
    product ^= term & (rest >> 31)
    term = timesX(term)
  }
  return product
}

function timesX(value: number): number {
  return (value >>> 1) ^ (POLYNOMIAL & -(value & 1))
}
