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
  state: string
  deliveries?: number
  attempts?: number
  sentAt: number
  receivedAt?: number
  expiresAt?: number
  bytes: number
  /** dead: why, and what is known beside. */
  reason?: string
  code?: string
}

/** A folder of segments that `ls` knows how to read. */
export interface Room {
  readonly room: EntryRow['room']
  readonly channel: string
  rows(): AsyncIterable<EntryRow>
}
