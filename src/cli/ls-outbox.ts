import { bodyBytesOf } from '../journal/blob-of.ts'
import { decodeMessage, decodeNote, MARK, MESSAGE } from '../journal/entry.ts'
import { listSegments } from '../journal/segment-names.ts'
import { decodeAcked } from '../spool/acked-state.ts'
import type { Cancelled } from '../spool/cancelled.ts'
import type { Wiped } from '../spool/wiped.ts'
import type { System } from '../system/system.ts'
import { entryPlaces, framesOf } from './ls-frames.ts'
import type { FoundRow, Room } from './ls-rows.ts'

/** How far each stream has arrived, from the marks of `acked/`. */
export async function ackedNext(system: Pick<System, 'files'>, folder: string): Promise<Map<string, number>> {
  const next = new Map<string, number>()
  for (const { path } of await listSegments(system.files, folder)) {
    for await (const { frame } of framesOf(system.files, path)) {
      for (const at of entryPlaces(frame)) {
        if (frame.payload[at + 8] !== MARK) continue
        for (const change of decodeAcked(decodeNote(frame.payload, at))) {
          next.set(change.stream, Math.max(next.get(change.stream) ?? 0, change.next ?? 0))
        }
      }
    }
  }
  return next
}

/** One folder of the outbox: the messages to one peer, of one channel and priority. */
export class LsOutbox implements Room {
  readonly room = 'outbox'
  readonly channel: string
  readonly peer: string
  readonly #options: LsOutboxOptions

  constructor(options: LsOutboxOptions) {
    this.channel = options.channel
    this.peer = options.peer
    this.#options = options
  }

  async *batches(wanted?: string, whole = wanted !== undefined): AsyncGenerator<FoundRow[]> {
    const { system, folder, peer, channel, priority, next, cancelled, wiped } = this.#options
    const { room } = this
    const now = system.clock.now()
    for (const { path } of await listSegments(system.files, folder)) {
      for await (const { head, frame } of framesOf(system.files, path)) {
        const batch: FoundRow[] = []
        for (const [i, at] of entryPlaces(frame).entries()) {
          if (frame.payload[at + 8] !== MESSAGE) continue
          const stored = decodeMessage(frame.payload, at)
          const { id, sentAt, expiresAt, key } = stored
          if (wanted !== undefined && id !== wanted) continue
          const { stream } = head
          const position = frame.first + i
          if (position < (wiped?.get(stream) ?? 0)) continue
          const arrived = position < (next.get(stream) ?? 0)
          const state = cancelled?.has(stream, position)
            ? 'cancelled'
            : arrived
              ? 'acked'
              : expiresAt !== undefined && expiresAt < now
                ? 'expired'
                : 'pending'
          // Not by spreading: that costs 15 µs a message, and makes a row that is slow to read.
          const row: FoundRow = {
            room,
            peer,
            channel,
            priority,
            stream,
            position,
            id,
            state,
            sentAt,
            bytes: bodyBytesOf(stored)
          }
          if (expiresAt !== undefined) row.expiresAt = expiresAt
          if (key !== undefined) row.key = key
          if (whole) row.stored = stored
          batch.push(row)
        }
        yield batch
      }
    }
  }
}

export interface LsOutboxOptions {
  system: Pick<System, 'files' | 'clock'>
  folder: string
  peer: string
  channel: string
  priority: number
  /** By stream: positions below have arrived. */
  next: ReadonlyMap<string, number>
  /** What is not sent, by an operator's wish. */
  cancelled?: Pick<Cancelled, 'has'> | undefined
  wiped?: Wiped | undefined
}
