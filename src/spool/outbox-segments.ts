import { listSegments } from '../journal/segment-names.ts'
import { encodeChannel } from '../names.ts'
import { foldersIn, type Spool } from './spool.ts'

/** A segment of the outbox, and whom it is for. */
export interface OutboxSegment {
  peer: string
  path: string
}

/** Those of one channel for these peers, in the order of their paths. @throws The system's error */
export async function outboxSegments(
  spool: Spool,
  channel: string,
  peers: readonly string[]
): Promise<OutboxSegment[]> {
  const { files } = spool.system
  const found: OutboxSegment[] = []
  for (const peer of peers) {
    const folder = `${spool.outboxOf(peer)}/${encodeChannel(channel)}`
    for (const priority of await foldersIn(files, folder))
      for (const { path } of await listSegments(files, `${folder}/${priority}`)) found.push({ peer, path })
  }
  return found.sort((a, b) => (a.path < b.path ? -1 : 1))
}
