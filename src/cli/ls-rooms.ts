import { dirname, join } from 'node:path'
import { systemCode } from '../errors.ts'
import { decodeChannel } from '../names.ts'
import { inboxMark } from '../server/inbox-marks.ts'
import { readCancelled } from '../spool/cancelled.ts'
import { readRemoved, removedChannels } from '../spool/removed-channels.ts'
import { type Identity, readFormat, readIdentity } from '../spool/spool-identity.ts'
import { readWiped } from '../spool/wiped.ts'
import type { System } from '../system/system.ts'
import { LsDead } from './ls-dead.ts'
import { LsInbox } from './ls-inbox.ts'
import { ackedNext, LsOutbox } from './ls-outbox.ts'
import type { Room } from './ls-rows.ts'
import { UsageError } from './usage-error.ts'

/** Who the spool is. @throws UsageError where there is none; DroprError FORMAT_NEWER, SPOOL_DAMAGED. Writes nothing. */
export async function spoolThere(system: Pick<System, 'files'>, spool: string): Promise<Identity> {
  const format = await readFormat(system.files, spool)
  const identity = await readIdentity(system.files, spool)
  if (format === undefined || !identity) throw new UsageError(`there is no spool at ${spool}`)
  return identity
}

/** Every folder of messages, in the order of their way: outbox, inbox, dead. */
export async function openRooms(system: System, spool: string): Promise<Room[]> {
  await spoolThere(system, spool)
  const inbox: LsInbox[] = []
  for (const [channel, folder] of await channelFolders(system, join(spool, 'inbox'))) {
    const room = new LsInbox({ system, folder, channel })
    await room.fold()
    inbox.push(room)
  }
  const next = await ackedNext(system, join(spool, 'acked'))
  // What is for this node itself has arrived once it is in the inbox: no other mark says so.
  for (const room of inbox) for (const [stream, to] of room.next) next.set(stream, to)
  for (const [stream, to] of await removedNext(system, spool)) next.set(stream, Math.max(to, next.get(stream) ?? 0))
  const outbox = await outboxRooms(system, join(spool, 'outbox'), next)
  const dead = await channelFolders(system, join(spool, 'dead'))
  return [...outbox, ...inbox, ...dead.map(([channel, folder]) => new LsDead({ system, folder, channel }))]
}

/** The outbox alone, without reading the inbox: what is for this node itself is not told from what has arrived. */
export async function openOutbox(system: System, spool: string): Promise<Room[]> {
  return outboxRooms(system, join(spool, 'outbox'), await ackedNext(system, join(spool, 'acked')))
}

/** How far streams are of channels that were removed. */
async function removedNext(system: Pick<System, 'files'>, path: string): Promise<[stream: string, next: number][]> {
  const found: [string, number][] = []
  for (const channel of await removedChannels({ system, path }))
    for (const note of (await readRemoved({ system, path }, channel))?.marks ?? []) {
      const mark = inboxMark(note)
      if (mark?.m === 'streams') for (const [stream, , , , next] of mark.q) found.push([stream, next])
    }
  return found
}

async function outboxRooms(system: System, folder: string, next: ReadonlyMap<string, number>): Promise<Room[]> {
  const rooms: Room[] = []
  for (const peer of await foldersIn(system, folder)) {
    const known = /^[a-z0-9-]{1,63}$/.test(peer)
    const cancelled = known ? await readCancelled(system.files, dirname(folder), peer) : undefined
    const wiped = known ? await readWiped({ system, path: dirname(folder) }, peer) : undefined
    for (const [channel, below] of await channelFolders(system, join(folder, peer))) {
      for (const priority of (await foldersIn(system, below)).filter(name => /^[0-9]$/.test(name)).reverse()) {
        const place = { peer, channel, priority: Number(priority) }
        rooms.push(new LsOutbox({ system, folder: join(below, priority), ...place, next, cancelled, wiped }))
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
