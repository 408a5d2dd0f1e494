import type { Filter } from '../spool/filter.ts'
import { Sieve } from '../spool/filter.ts'
import type { FoundRow, Room } from './ls-rows.ts'

/** Rooms of which only those messages are seen that a filter means: over all of them up to its limit. */
export function filteredRooms(rooms: readonly Room[], filter: Filter, now: number): Room[] {
  const { limit = Number.POSITIVE_INFINITY, ...wanted } = filter
  const sieve = new Sieve(wanted, now)
  const left = { count: limit }
  return rooms
    .filter(({ channel }) => wanted.channels?.includes(channel) !== false)
    .map(room => ({ room: room.room, channel: room.channel, batches: () => filtered(room, sieve, left) }))
}

async function* filtered(room: Room, sieve: Sieve, left: { count: number }): AsyncGenerator<FoundRow[]> {
  if (left.count <= 0) return
  for await (const batch of room.batches(undefined, sieve.reads)) {
    const taken: FoundRow[] = []
    for (const row of batch) {
      if (!takes(sieve, row)) continue
      taken.push(sieve.reads ? withoutBody(row) : row)
      if (--left.count <= 0) break
    }
    yield taken
    if (left.count <= 0) return
  }
}

function takes(sieve: Sieve, row: FoundRow): boolean {
  const { channel, peer, from, state, sentAt, receivedAt, deadAt, stored } = row
  const known = { channel, peer: peer ?? from ?? '', state, at: deadAt ?? receivedAt ?? sentAt }
  return sieve.takes(known) && (!sieve.reads || sieve.holds(stored!))
}

function withoutBody(found: FoundRow): FoundRow {
  const { stored: _, ...row } = found
  return row
}
