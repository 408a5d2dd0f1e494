import { nodeSystem } from '../system/node-system.ts'
import type { Call } from './act.ts'
import { columns } from './columns.ts'
import { EXIT } from './exit-codes.ts'
import { filterFrom } from './filter-from.ts'
import type { LsOptions } from './ls.ts'
import { filteredRooms } from './ls-filter.ts'
import { openRooms } from './ls-rooms.ts'
import type { EntryRow, Room } from './ls-rows.ts'

const WRITE_ROWS = 500

/** Where a row belongs, with how many messages are in which state. */
interface Summary {
  room: EntryRow['room']
  peer?: string
  channel: string
  priority?: number
  stream?: string
  states: Record<string, number>
}

export async function runLs(call: Call<LsOptions>): Promise<number> {
  const { options, out, spool } = call
  const system = nodeSystem()
  const filter = await filterFrom(call)
  const wanted = filteredRooms(await openRooms(system, spool), filter, system.clock.now())
  const rows = options.entries ? entryRows(wanted) : summaries(wanted)
  const found: (EntryRow | Summary)[] = []
  for await (const batch of rows) {
    for (const row of batch) found.push(row)
    // JSON is printed as it comes; columns need all of it.
    if (out.json && found.length >= WRITE_ROWS) await out.line(found.splice(0).map(toJson).join('\n'))
  }
  if (out.json && found.length > 0) await out.line(found.map(toJson).join('\n'))
  if (!out.json) await out.line(options.entries ? entryTable(found as EntryRow[]) : summaryTable(found as Summary[]))
  return EXIT.done
}

function toJson(row: object): string {
  return JSON.stringify(row)
}

async function* entryRows(rooms: readonly Room[]): AsyncGenerator<readonly EntryRow[]> {
  for (const room of rooms) yield* room.batches()
}

/** One for each stream of the outbox, and for each channel of the other rooms. */
async function* summaries(rooms: readonly Room[]): AsyncGenerator<Summary[]> {
  for (const room of rooms) {
    const byStream = new Map<string, Summary>()
    for await (const batch of room.batches()) for (const row of batch) count(byStream, row)
    yield [...byStream.values()]
  }
}

function count(byStream: Map<string, Summary>, row: EntryRow): void {
  const { room, peer, channel, priority, stream, state } = row
  const key = room === 'outbox' ? stream : ''
  let summary = byStream.get(key)
  if (summary === undefined) {
    const outbox = room === 'outbox' ? { peer: peer!, priority: priority!, stream } : {}
    summary = { room, channel, ...outbox, states: {} }
    byStream.set(key, summary)
  }
  summary.states[state] = (summary.states[state] ?? 0) + 1
}

function summaryTable(rows: readonly Summary[]): string {
  const cells = rows.map(({ room, peer = '-', channel, priority = '-', stream = '-', states }) => {
    const counts = Object.entries(states).map(([state, count]) => `${count} ${state}`)
    return [room, peer, channel, String(priority), stream.slice(0, 8), counts.join(', ')]
  })
  return columns([['ROOM', 'PEER', 'CHANNEL', 'PRIORITY', 'STREAM', 'MESSAGES'], ...cells])
}

function entryTable(rows: readonly EntryRow[]): string {
  const cells = rows.map(row => {
    const sent = new Date(row.sentAt).toISOString()
    return [row.room, row.peer ?? row.from ?? '-', row.channel, row.state, String(row.bytes), sent, row.id]
  })
  return columns([['ROOM', 'PEER', 'CHANNEL', 'STATE', 'BYTES', 'SENT', 'ID'], ...cells])
}
