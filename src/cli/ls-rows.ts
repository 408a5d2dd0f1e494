import type { Stored } from '../message.ts'

/** One message, for `ls --entries --json`; docs/cli.md. Times are wall time in ms, `bytes` those of the body. */
export interface EntryRow {
  room: 'outbox' | 'inbox' | 'dead'
  channel: string
  priority?: number
  /** outbox: the node it is for. */
  peer?: string
  /** inbox: the node it came from. */
  from?: string
  stream: string
  position: number
  id: string
  /** If it has one. */
  key?: string
  state: string
  deliveries?: number
  attempts?: number
  sentAt: number
  /** dead: when it was given up. */
  deadAt?: number
  receivedAt?: number
  expiresAt?: number
  bytes: number
  /** dead: why, and what is known beside. */
  reason?: string
  code?: string
  /** leased: until when; pending after a failure: not before. */
  leaseUntil?: number
  nextTryAt?: number
  /** Waits, and its channel is paused since then. */
  pausedAt?: number
}

/** A row of which the message itself was asked for. */
export interface FoundRow extends EntryRow {
  stored?: Stored
}

/** A folder of segments that `ls` knows how to read. */
export interface Room {
  readonly room: EntryRow['room']
  readonly channel: string
  /** outbox: the node it is for. */
  readonly peer?: string
  /**
   * Messages in the order of their files, many at a time: a step for each of a million is what costs.
   *
   * @param id Only this message, with all that was stored of it.
   * @param whole All messages so.
   */
  batches(id?: string, whole?: boolean): AsyncIterable<readonly FoundRow[]>
}
