/**
 * What `read` makes of these bytes once one of their bits is turned back: the first that is something. The bytes themselves stay as
 * they are. `read` must know right from wrong, by a CRC: then only the bit that was flipped makes it right.
 */
export function mendBit<T>(bytes: Buffer, read: (tried: Buffer) => T | undefined): T | undefined {
  const copy = Buffer.from(bytes)
  for (let bit = 0; bit < copy.length * 8; bit++) {
    copy[bit >> 3]! ^= 1 << (bit & 7)
    const found = read(copy)
    if (found !== undefined) return found
    copy[bit >> 3]! ^= 1 << (bit & 7)
  }
  return undefined
}
