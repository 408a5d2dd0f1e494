import { openRooms } from '../../src/cli/ls-rooms.ts'
import type { System } from '../../src/system/system.ts'

/** `room state` of every message that `dropr ls` tells of, by its id: one, unless something is wrong. */
export async function stagesOf(system: System, spool: string): Promise<Map<string, string[]>> {
  const found = new Map<string, string[]>()
  for (const room of await openRooms(system, spool))
    for await (const batch of room.batches())
      for (const row of batch) found.set(row.id, [...(found.get(row.id) ?? []), `${row.room} ${row.state}`])
  return found
}
