import { decodeNote, entryBytes, MARK } from '../journal/entry.ts'
import { FolderTail } from '../journal/folder-tail.ts'
import type { Spool } from './spool.ts'

/**
 * Why a message lies among the dead letters of a channel; undefined when it does not.
 *
 * @param which.since Wall ms: when it was sent.
 */
export async function findDead(
  spool: Spool,
  which: { channel: string; stream: string; position: number; since: number }
): Promise<{ reason: string; at: number } | undefined> {
  const { channel, stream, position, since } = which
  const tail = new FolderTail({ files: spool.system.files, folder: spool.dead(channel), since })
  let found: { reason: string; at: number } | undefined
  for await (const { frame } of tail.look()) {
    const { payload, count } = frame
    for (let i = 0, at = 0; i < count && at < payload.length; i++, at += entryBytes(payload, at)) {
      if (payload[at + 8] !== MARK) continue
      const { dead } = (decodeNote(payload, at) ?? {}) as { dead?: Record<string, unknown> }
      if (dead?.stream !== stream || dead.position !== position) continue
      const { reason, at: diedAt } = dead
      found = {
        reason: typeof reason === 'string' ? reason : '',
        at: typeof diedAt === 'number' ? diedAt : frame.at
      }
    }
  }
  return found
}
