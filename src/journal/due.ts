import type { Due } from '../message.ts'

/*
 * The due part of a message that is held for later (docs/format.md, flag 64):
 *
 *    0 u48 due, ms    6 u8 priority    7 u8 count + to    .. u8 count + channel
 */
export const DUE_BYTES_MIN = 9

/** Where the last one went, as it is written: most follow one to the same place. */
let last: { to: string; channel: string; bytes: Buffer } = { to: '', channel: '', bytes: Buffer.alloc(2) }

/** Returns where it ends. */
export function writeDue(due: Due, into: Buffer, at: number): number {
  const { to, channel, priority } = due
  if (to !== last.to || channel !== last.channel) last = { to, channel, bytes: encodePlace([to, channel]) }
  const end = into.writeUIntLE(due.at, at, 6)
  into[end] = priority
  into.set(last.bytes, end + 1)
  return end + 1 + last.bytes.length
}

function encodePlace(texts: readonly string[]): Buffer {
  return Buffer.concat(texts.map(text => Buffer.from(text)).flatMap(bytes => [Buffer.of(bytes.length), bytes]))
}

/** Reads past no end when its nine fixed bytes are there; what it gives may lie beyond the entry. */
export function dueEndAt(bytes: Buffer, at: number): number {
  const channelAt = at + 8 + bytes[at + 7]!
  return channelAt + 1 + (bytes[channelAt] ?? 0)
}

export function readDue(bytes: Buffer, at: number): Due {
  const toEnd = at + 8 + bytes[at + 7]!
  return {
    at: bytes.readUIntLE(at, 6),
    to: bytes.toString('utf8', at + 8, toEnd),
    channel: bytes.toString('utf8', toEnd + 1, toEnd + 1 + bytes[toEnd]!),
    priority: bytes[at + 6]!
  }
}
