import { diskError, systemCode } from '../errors.ts'
import { listSegments } from '../journal/segment-names.ts'
import { SegmentReader } from '../journal/segment-reader.ts'
import { foldersIn, type Spool } from './spool.ts'

/** What is noted of the outbox to one peer, a file each in `cancelled/` and `wiped/`, is read, changed and written in turn. */
const TURNS = new WeakMap<Spool, Map<string, Promise<unknown>>>()

/** Calls that change the notes of one peer, one after the other. */
export function inPeerTurn<T>(spool: Spool, peer: string, act: () => Promise<T>): Promise<T> {
  const turns = TURNS.get(spool) ?? new Map<string, Promise<unknown>>()
  TURNS.set(spool, turns)
  const turn = (turns.get(peer) ?? Promise.resolve()).catch(() => undefined).then(act)
  turns.set(peer, turn)
  return turn
}

/**
 * What notes there are in a room stays: also one whose writer was told that it had failed, and which is read all the same.
 *
 * @throws DroprError DISK_*
 */
export async function keepNotes({ system, path }: Spool, room: 'cancelled' | 'wiped'): Promise<void> {
  try {
    await system.files.syncFolder(`${path}/${room}`)
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw diskError(error, `sync ${path}/${room}`)
  }
}

/** The streams to a peer whose files are there. @throws The system's error: then nothing is known. */
export async function streamsThere(spool: Spool, peer: string): Promise<Set<string>> {
  const { files } = spool.system
  const streams = new Set<string>()
  const outbox = spool.outboxOf(peer)
  for (const channel of await foldersIn(files, outbox))
    for (const priority of await foldersIn(files, `${outbox}/${channel}`))
      for (const { path } of await listSegments(files, `${outbox}/${channel}/${priority}`)) {
        const reader = await SegmentReader.open(files, path)
        if (reader === undefined) continue
        streams.add(reader.head.stream)
        await reader.close()
      }
  return streams
}
