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
    .map(room => ({ room: room.room, channel: room.channel, rows: () => filtered(room, sieve, left) }))
}

async function* filtered(room: Room, sieve: Sieve, left: { count: number }): AsyncGenerator<FoundRow> {
  if (left.count <= 0) return
  for await (const { stored, ...row } of room.rows(undefined, sieve.reads)) {
    const { channel, peer, from, state, sentAt, receivedAt, deadAt } = row
    const known = { channel, peer: peer ?? from ?? '', state, at: deadAt ?? receivedAt ?? sentAt }
    if (!sieve.takes(known) || (sieve.reads && !sieve.holds(stored!))) continue
    yield row
    if (--left.count <= 0) return
  }
}
