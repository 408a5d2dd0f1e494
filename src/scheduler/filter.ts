/** Bits for each id, and how many of them are looked at: one in 120 that is not there looks as if it were. */
const BITS_PER_ID = 10
const LOOKS = 7

export function filterBytes(count: number): number {
  return Math.ceil((count * BITS_PER_ID) / 8)
}

/** Adds the id of that hash to a filter that was all zero in the beginning (Bloom; two hashes are as good as seven). */
export function addToFilter(filter: Uint8Array, a: number, b: number): void {
  for (let i = 0; i < LOOKS; i++) {
    const bit = bitOf(filter, a, Math.imul(b, i))
    filter[bit >>> 3]! |= 1 << (bit & 7)
  }
}

/** False: no such id was added. True: one was, or it only looks so. */
export function mayHold(filter: Uint8Array, a: number, b: number): boolean {
  for (let i = 0; i < LOOKS; i++) {
    const bit = bitOf(filter, a, Math.imul(b, i))
    if ((filter[bit >>> 3]! & (1 << (bit & 7))) === 0) return false
  }
  return true
}

function bitOf(filter: Uint8Array, a: number, more: number): number {
  return Math.floor((((a + more) >>> 0) / 2 ** 32) * filter.length * 8)
}
