import { crc32 } from 'node:zlib'
import { ENTRY_BYTES_MIN, entryBytes, entryFault, MESSAGE } from './entry.ts'

export interface EntryLimits {
  /** The largest whole entry, its header included. */
  entryBytesMax: number
  /** Refuse marks and holes: what a peer uploads is messages. */
  messagesOnly: boolean
}

export type EntryFault = 'torn' | 'crc' | 'malformed' | 'too large'

export interface CheckedEntries {
  count: number
  /** Where each good entry begins; one more than `count`, the last is `end`. */
  offsets: Uint32Array
  end: number
  /** Why the entry at `end` is not good; undefined when the bytes end there. Its length can be believed but for 'torn'. */
  bad: EntryFault | undefined
  detail: string | undefined
}

/** Checks entries from `from` on, each by length, CRC and shape, up to the first bad one. */
export function checkEntries(bytes: Buffer, limits: EntryLimits, from = 0): CheckedEntries {
  const starts: number[] = []
  let at = from
  let bad: EntryFault | undefined
  let detail: string | undefined
  while (at < bytes.length) {
    const left = bytes.length - at
    const length = left < ENTRY_BYTES_MIN ? 0 : entryBytes(bytes, at)
    if (length < ENTRY_BYTES_MIN || length > left) {
      bad = 'torn'
      detail = `${left} bytes left for an entry of ${length}`
      break
    }
    if (crc32(bytes.subarray(at + 8, at + length)) !== bytes.readUInt32LE(at + 4)) {
      bad = 'crc'
      detail = 'CRC differs'
    } else if (length > limits.entryBytesMax) {
      bad = 'too large'
      detail = `an entry of ${length} bytes, at most ${limits.entryBytesMax}`
    } else {
      detail =
        limits.messagesOnly && bytes[at + 8] !== MESSAGE
          ? `kind ${bytes[at + 8]} is not a message`
          : entryFault(bytes, at)
      if (detail !== undefined) bad = 'malformed'
    }
    if (bad !== undefined) break
    starts.push(at)
    at += length
  }
  starts.push(at)
  return { count: starts.length - 1, offsets: Uint32Array.from(starts), end: at, bad, detail }
}
