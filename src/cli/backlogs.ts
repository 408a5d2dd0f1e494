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
const WAITS: ReadonlySet<string> = new Set(['pending', 'leased'])

/** Not finished; in the room `dead` what lies there. What is dead in the inbox lies in the dead letters. */
export function stillWaits({ room, state }: Pick<EntryRow, 'room' | 'state'>): boolean {
  return WAITS.has(state) || (state === 'dead' && room === 'dead')
}

/** What waits, counted from the files. In the room `dead` what lies there. */
export async function backlogsOf(rooms: readonly Room[]): Promise<FileBacklog[]> {
  const found = new Map<string, FileBacklog>()
  for (const room of rooms) {
    for await (const { room: name, peer, channel, state, sentAt, receivedAt } of room.rows()) {
      if (!stillWaits({ room: name, state })) continue
      const key = JSON.stringify([name, peer, channel])
      const at = receivedAt ?? sentAt
      const known = found.get(key)
      if (known === undefined) {
        found.set(key, { room: name, ...(peer === undefined ? {} : { peer }), channel, depth: 1, oldestAt: at })
      } else {
        known.depth++
        known.oldestAt = Math.min(known.oldestAt, at)
      }
    }
  }
  return [...found.values()]
}
