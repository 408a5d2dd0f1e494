import { diskError } from '../errors.ts'
import { segmentParts } from '../journal/segment-parts.ts'
import { SegmentReader } from '../journal/segment-reader.ts'
import { AckTail } from './ack-tail.ts'
import { outboxSegments } from './outbox-segments.ts'
import { readSeal } from './segment-seal.ts'
import type { Spool } from './spool.ts'

/** Messages of one channel in the outbox that have not arrived, and the streams they are or were in. */
export interface OutboxShare {
  peer: string
  unsent: number
  /** Of all of them: how many positions each has. */
  streams: Map<string, number>
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
  try {
    await acks.look()
    const byPeer = new Map<string, OutboxShare>()
    for (const { peer, path } of await outboxSegments(spool, channel, await spool.outboxPeers())) {
      const stream = await lengthOf(spool, path)
      if (stream === undefined) continue
      const { id, count } = stream
      const next = peer === spool.node ? here(id) : acks.next(id)
      const share = byPeer.get(peer) ?? { peer, unsent: 0, streams: new Map<string, number>() }
      byPeer.set(peer, share)
      share.unsent += Math.max(0, count - next)
      share.streams.set(id, count)
    }
    return [...byPeer.values()]
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
