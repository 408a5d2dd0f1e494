import { duePlace } from '../journal/due-place.ts'
import { entryBytes } from '../journal/entry.ts'
import { hashBytes } from './hash.ts'
import type { Held } from './held.ts'

/*
 * A row: what is known of one held message without reading it. In memory as on disk (docs/format.md).
 *
 *    0 u48 due, ms   6 u48 sent at, ms   12 u32 place in the file   16 u32 bytes of the entry   20 u32 position
 *   24 u32 u32 hash of the id            32 u32 hash of the channel
 */
export const ROW_BYTES = 36
const ROWS_MIN = 64

export interface Row {
  due: number
  sentAt: number
  offset: number
  bytes: number
  position: number
  /** Hashes of the id, and of the channel. */
  a: number
  b: number
  channel: number
}

/** Rows in the order they came, growing. */
export class Rows {
  count = 0
  #bytes = Buffer.alloc(0)
  /** What rows are compared by, once more: reading six bytes of a buffer costs ten times as much. */
  #dueAndSent = new Float64Array(0)

  /** Adds the message at `at`, which lies at `offset` of its file. Returns when it is due; undefined when it is not for later. */
  add(entries: Buffer, at: number, place: { offset: number; position: number }): number | undefined {
    const found = duePlace(entries, at)
    if (found === undefined) return undefined
    const { idAt, idEnd, dueAt } = found
    const into = this.#room()
    const index = this.count++
    const row = index * ROW_BYTES
    const [a, b] = hashBytes(entries, idAt, idEnd)
    const channelAt = dueAt + 8 + entries[dueAt + 7]!
    entries.copy(into, row, dueAt, dueAt + 6)
    entries.copy(into, row + 6, at + 10, at + 16)
    into.writeUInt32LE(place.offset, row + 12)
    into.writeUInt32LE(entryBytes(entries, at), row + 16)
    into.writeUInt32LE(place.position, row + 20)
    into.writeUInt32LE(a, row + 24)
    into.writeUInt32LE(b, row + 28)
    into.writeUInt32LE(hashBytes(entries, channelAt + 1, channelAt + 1 + entries[channelAt]!)[0], row + 32)
    const due = entries.readUIntLE(dueAt, 6)
    this.#dueAndSent[index * 2] = due
    this.#dueAndSent[index * 2 + 1] = entries.readUIntLE(at + 10, 6)
    return due
  }

  /** All rows as bytes; valid until the next `add`. */
  bytes(): Buffer {
    return this.#bytes.subarray(0, this.count * ROW_BYTES)
  }

  due(index: number): number {
    return this.#dueAndSent[index * 2]!
  }

  sentAt(index: number): number {
    return this.#dueAndSent[index * 2 + 1]!
  }

  heldAt(index: number, held: Held): HeldRow {
    return heldRowAt(this.#bytes, index, held)
  }

  at(index: number): Row {
    return rowAt(this.#bytes, index)
  }

  /** Those whose id has that hash. No objects on the way: all rows are gone through. */
  withHash(a: number, b: number): Row[] {
    const found: Row[] = []
    for (let i = 0, at = 24; i < this.count; i++, at += ROW_BYTES)
      if (this.#bytes.readUInt32LE(at) === a && this.#bytes.readUInt32LE(at + 4) === b) found.push(this.at(i))
    return found
  }

  #room(): Buffer {
    if ((this.count + 1) * ROW_BYTES <= this.#bytes.length) return this.#bytes
    const larger = Buffer.alloc(Math.max(ROWS_MIN * ROW_BYTES, this.#bytes.length * 2))
    this.#bytes.copy(larger)
    this.#bytes = larger
    const numbers = new Float64Array((larger.length / ROW_BYTES) * 2)
    numbers.set(this.#dueAndSent)
    this.#dueAndSent = numbers
    return larger
  }
}

export function dueOf(rows: Buffer, index: number): number {
  return rows.readUIntLE(index * ROW_BYTES, 6)
}

export function sentAtOf(rows: Buffer, index: number): number {
  return rows.readUIntLE(index * ROW_BYTES + 6, 6)
}

export function hashOf(rows: Buffer, index: number): readonly [number, number] {
  return [rows.readUInt32LE(index * ROW_BYTES + 24), rows.readUInt32LE(index * ROW_BYTES + 28)]
}

/** A row on its way out. */
export interface HeldRow extends Row {
  held: Held
  /** Its entry lies at `at` of `entry`, once it has been read. */
  entry: Buffer | undefined
  at: number
}

/** All members at once: objects that grow are slow, and there may be 100,000 of them in a second. */
export function heldRowAt(rows: Buffer, index: number, held: Held): HeldRow {
  const at = index * ROW_BYTES
  return {
    due: dueOf(rows, index),
    sentAt: sentAtOf(rows, index),
    offset: rows.readUInt32LE(at + 12),
    bytes: rows.readUInt32LE(at + 16),
    position: rows.readUInt32LE(at + 20),
    a: rows.readUInt32LE(at + 24),
    b: rows.readUInt32LE(at + 28),
    channel: rows.readUInt32LE(at + 32),
    held,
    entry: undefined,
    at: 0
  }
}

export function rowAt(rows: Buffer, index: number): Row {
  const at = index * ROW_BYTES
  return {
    due: dueOf(rows, index),
    sentAt: sentAtOf(rows, index),
    offset: rows.readUInt32LE(at + 12),
    bytes: rows.readUInt32LE(at + 16),
    position: rows.readUInt32LE(at + 20),
    a: rows.readUInt32LE(at + 24),
    b: rows.readUInt32LE(at + 28),
    channel: rows.readUInt32LE(at + 32)
  }
}

/** The order in which messages go out: by due time, then by when they were sent, then as they came. */
export function orderByDue(rows: Buffer): Uint32Array {
  const count = rows.length / ROW_BYTES
  const due = new Float64Array(count)
  const sentAt = new Float64Array(count)
  const order = new Uint32Array(count)
  let sorted = true
  for (let i = 0; i < count; i++) {
    due[i] = dueOf(rows, i)
    sentAt[i] = sentAtOf(rows, i)
    order[i] = i
    if (i > 0 && (due[i]! < due[i - 1]! || (due[i] === due[i - 1] && sentAt[i]! < sentAt[i - 1]!))) sorted = false
  }
  if (sorted) return order
  return order.sort((a, b) => due[a]! - due[b]! || sentAt[a]! - sentAt[b]! || a - b)
}
