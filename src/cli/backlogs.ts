import type { EntryRow, Room } from './ls-rows.ts'

/** What is not finished of one channel: in the outbox for one peer, or in the inbox. */
export interface FileBacklog {
  room: EntryRow['room']
  peer?: string
  channel: string
  depth: number
  /** Wall ms: the outbox's by when it was sent, the inbox's by when it came. */
  oldestAt: number
}

/** States in which a message still needs somebody. */
const WAITS: ReadonlySet<string> = new Set(['pending', 'leased', 'held'])

/** Not finished; in the room `dead` what lies there. What is dead in the inbox lies in the dead letters. */
export function stillWaits({ room, state }: Pick<EntryRow, 'room' | 'state'>): boolean {
  return WAITS.has(state) || (state === 'dead' && room === 'dead')
}

/** What waits, counted from the files. In the room `dead` what lies there. */
export async function backlogsOf(rooms: readonly Room[]): Promise<FileBacklog[]> {
  const found = new Map<string, FileBacklog>()
  for (const room of rooms) {
    const { room: name, peer, channel } = room
    const key = JSON.stringify([name, peer, channel])
    const of = { room: name, ...(peer === undefined ? {} : { peer }), channel }
    const backlog = found.get(key) ?? { ...of, depth: 0, oldestAt: Number.POSITIVE_INFINITY }
    for await (const batch of room.batches()) {
      for (const row of batch) {
        if (!stillWaits(row)) continue
        backlog.depth++
        backlog.oldestAt = Math.min(backlog.oldestAt, row.receivedAt ?? row.sentAt)
      }
    }
    if (backlog.depth > 0) found.set(key, backlog)
  }
  return [...found.values()]
}
