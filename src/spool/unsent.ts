import { diskError } from '../errors.ts'
import { listSegments } from '../journal/segment-names.ts'
import { segmentParts } from '../journal/segment-parts.ts'
import { SegmentReader } from '../journal/segment-reader.ts'
import { encodeChannel } from '../names.ts'
import { AckTail } from './ack-tail.ts'
import { readSeal } from './segment-seal.ts'
import { foldersIn, type Spool } from './spool.ts'

/** Messages of one channel in the outbox that have not arrived, and the segments of those that have. */
export interface OutboxShare {
  peer: string
  unsent: number
  /** Kept until their retention. */
  segments: number
}

/**
 * What the outbox holds of a channel, by peer.
 *
 * @param here How far streams to this node itself are in its inbox.
 * @throws DroprError DISK_*
 */
export async function outboxShares(
  spool: Spool,
  channel: string,
  here: (stream: string) => number
): Promise<OutboxShare[]> {
  const acks = new AckTail(spool)
  const { files } = spool.system
  const shares: OutboxShare[] = []
  try {
    await acks.look()
    for (const peer of await spool.outboxPeers()) {
      const share = { peer, unsent: 0, segments: 0 }
      const folder = `${spool.outboxOf(peer)}/${encodeChannel(channel)}`
      for (const priority of await foldersIn(files, folder))
        for (const { path } of await listSegments(files, `${folder}/${priority}`)) {
          const stream = await lengthOf(spool, path)
          if (stream === undefined) continue
          const next = peer === spool.node ? here(stream.id) : acks.next(stream.id)
          share.segments++
          share.unsent += Math.max(0, stream.count - next)
        }
      if (share.segments > 0) shares.push(share)
    }
    return shares
  } catch (error) {
    throw diskError(error, `look into ${spool.path}/outbox`)
  }
}

/** A file without a head: nobody was told of anything in it. */
async function lengthOf(spool: Spool, path: string): Promise<{ id: string; count: number } | undefined> {
  const reader = await SegmentReader.open(spool.system.files, path)
  if (reader === undefined) return undefined
  try {
    const id = reader.head.stream
    const seal = await readSeal(reader)
    if (seal !== undefined) return { id, count: seal.count }
    let count = 0
    for await (const part of segmentParts(reader))
      if (part.kind === 'frame' && part.frame.kind === 'data') count = part.frame.first + part.frame.count
    return { id, count }
  } finally {
    await reader.close()
  }
}
