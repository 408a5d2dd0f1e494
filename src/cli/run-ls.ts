import { join } from 'node:path'
import { systemCode } from '../errors.ts'
import { decodeChannel } from '../names.ts'
import { readFormat, readIdentity } from '../spool/spool-identity.ts'
import { nodeSystem } from '../system/node-system.ts'
import type { System } from '../system/system.ts'
import type { Call } from './act.ts'
import { columns } from './columns.ts'
import { EXIT } from './exit-codes.ts'
import type { LsOptions } from './ls.ts'
import { LsDead } from './ls-dead.ts'
import { LsInbox } from './ls-inbox.ts'
import { ackedNext, LsOutbox } from './ls-outbox.ts'
import type { EntryRow, Room } from './ls-rows.ts'
import { UsageError } from './usage-error.ts'

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
  const rooms = await openRooms(system, spool)
  const wanted = rooms.filter(room => options.channel === undefined || options.channel.includes(room.channel))
  const rows = options.entries ? entryRows(wanted) : summaries(wanted)
  const found: (EntryRow | Summary)[] = []
  for await (const row of rows) {
    found.push(row)
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

/** Every folder of messages, in the order of their way: outbox, inbox, dead. */
async function openRooms(system: System, spool: string): Promise<Room[]> {
  const format = await readFormat(system.files, spool)
  const identity = await readIdentity(system.files, spool)
  if (format === undefined || !identity) throw new UsageError(`there is no spool at ${spool}`)
  const inbox: LsInbox[] = []
  for (const [channel, folder] of await channelFolders(system, join(spool, 'inbox'))) {
    const room = new LsInbox({ system, folder, channel })
    await room.fold()
    inbox.push(room)
  }
  const next = await ackedNext(system, join(spool, 'acked'))
  // What is for this node itself has arrived once it is in the inbox: no other mark says so.
  for (const room of inbox) for (const [stream, to] of room.next) next.set(stream, to)
  const outbox = await outboxRooms(system, join(spool, 'outbox'), next)
  const dead = await channelFolders(system, join(spool, 'dead'))
  return [...outbox, ...inbox, ...dead.map(([channel, folder]) => new LsDead({ system, folder, channel }))]
}

async function outboxRooms(system: System, folder: string, next: ReadonlyMap<string, number>): Promise<Room[]> {
  const rooms: Room[] = []
  for (const peer of await foldersIn(system, folder)) {
    for (const [channel, below] of await channelFolders(system, join(folder, peer))) {
      for (const priority of (await foldersIn(system, below)).filter(name => /^[0-9]$/.test(name)).reverse()) {
        const place = { peer, channel, priority: Number(priority) }
        rooms.push(new LsOutbox({ system, folder: join(below, priority), ...place, next }))
      }
    }
  }
  return rooms
}

async function channelFolders(system: System, folder: string): Promise<[channel: string, folder: string][]> {
  return (await foldersIn(system, folder)).flatMap(name => {
    const channel = decodeChannel(name)
    return channel === undefined ? [] : [[channel, join(folder, name)] as [string, string]]
  })
}

async function foldersIn(system: System, folder: string): Promise<string[]> {
  try {
    const found = await system.files.list(folder)
    return found.flatMap(entry => (entry.kind === 'folder' ? [entry.name] : [])).sort()
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return []
    throw error
  }
}

async function* entryRows(rooms: readonly Room[]): AsyncGenerator<EntryRow> {
  for (const room of rooms) yield* room.rows()
}

/** One for each stream of the outbox, and for each channel of the other rooms. */
async function* summaries(rooms: readonly Room[]): AsyncGenerator<Summary> {
  for (const room of rooms) {
    const byStream = new Map<string, Summary>()
    for await (const { room: name, peer, channel, priority, stream, state } of room.rows()) {
      const key = name === 'outbox' ? stream : ''
      const outbox = name === 'outbox' ? { peer: peer!, priority: priority!, stream } : {}
      const summary = byStream.get(key) ?? { room: name, channel, ...outbox, states: {} }
      summary.states[state] = (summary.states[state] ?? 0) + 1
      byStream.set(key, summary)
    }
    yield* byStream.values()
  }
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
