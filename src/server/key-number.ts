import { createHash } from 'node:crypto'
import { keyBytes } from '../journal/attributes.ts'

const NUMBER_BYTES = 6

/**
 * A message's key as a number, so that a table of many stays small: 48 bits of SHA-256. 0: it has none. Two keys that share
 * one would be served one after the other; none is lost or out of order by it.
 */
export function keyNumber(bytes: Buffer, at: number): number {
  const key = keyBytes(bytes, at)
  if (key === undefined) return 0
  return createHash('sha256').update(key).digest().readUIntBE(0, NUMBER_BYTES) || 1
}
