import { decodeMessage, entryBytes, MESSAGE } from '../journal/entry.ts'
import { SegmentReader } from '../journal/segment-reader.ts'
import { wholeFrames } from '../journal/whole-frames.ts'
import { AckTail } from '../spool/ack-tail.ts'
import { Sieve } from '../spool/filter.ts'
import { outboxSegments } from '../spool/outbox-segments.ts'
import { keepNotes } from '../spool/peer-notes.ts'
import type { Spool } from '../spool/spool.ts'
import { addWiped, readWiped } from '../spool/wiped.ts'
import type { MoveAnswer, MoveRequest } from './move.ts'

/**
 * Takes messages of one channel that have arrived at their peers out of sight: one segment a step, its messages in their order, up to
 * the first that is too young or has not arrived. Whoever sends removes the segments of which nothing is left.
 *
 * @param here How far streams to this node itself are in its inbox.
 * @throws DroprError DISK_*
 */
export async function wipeSentStep(
  { filter, channel, after, began, dryRun = false }: MoveRequest,
  spool: Spool,
  here: (stream: string) => number
): Promise<MoveAnswer> {
  const segments = await outboxSegments(spool, channel, filter.peers ?? (await spool.outboxPeers()))
  const [first, second] = segments.filter(({ path }) => after === undefined || path >= after)
  if (first === undefined) return { moved: 0, bytes: 0, left: {} }
  const { peer, path } = first
  const sieve = new Sieve({ ...filter, states: ['acked'] }, began)
  const acks = new AckTail(spool)
  await acks.look()
  const next = second && { next: second.path }
  const reader = await SegmentReader.open(spool.system.files, path)
  if (reader === undefined) return { moved: 0, bytes: 0, left: {}, ...next }
  try {
    const { stream } = reader.head
    const wiped = await readWiped(spool, peer)
    const before = wiped.get(stream) ?? 0
    const arrived = peer === spool.node ? here(stream) : acks.next(stream)
    const takes = (at: number) => sieve.takes({ channel, peer, state: 'acked', at })
    const { to, moved, bytes } = await wipeUpTo(reader, { before, arrived, takes })
    if (moved > 0 && !dryRun) await addWiped(spool, peer, new Map([[stream, to]]))
    // What an earlier try has noted is not found again: it may have failed after that.
    else if (!dryRun && second === undefined) await keepNotes(spool, 'wiped')
    return { moved, bytes, left: {}, ...next }
  } finally {
    await reader.close()
  }
}

async function wipeUpTo(
  reader: SegmentReader,
  { before, arrived, takes }: { before: number; arrived: number; takes: (sentAt: number) => boolean }
): Promise<{ to: number; moved: number; bytes: number }> {
  const found = { to: before, moved: 0, bytes: 0 }
  for await (const { kind, payload, first } of wholeFrames(reader)) {
    if (kind !== 'data') continue
    for (let at = 0, p = first; at < payload.length; at += entryBytes(payload, at), p++) {
      if (p < before) continue
      const isMessage = payload[at + 8] === MESSAGE
      if (p >= arrived || (isMessage && !takes(decodeMessage(payload, at).sentAt))) return found
      found.to = p + 1
      if (!isMessage) continue
      found.moved++
      found.bytes += entryBytes(payload, at)
    }
  }
  return found
}
