import { decodeMessage, entryBytes, MESSAGE } from '../journal/entry.ts'
import { SegmentReader } from '../journal/segment-reader.ts'
import { wholeFrames } from '../journal/whole-frames.ts'
import { AckTail } from '../spool/ack-tail.ts'
import { Cancelled, readCancelled, writeCancelled } from '../spool/cancelled.ts'
import { Sieve } from '../spool/filter.ts'
import { type OutboxSegment, outboxSegments } from '../spool/outbox-segments.ts'
import { inPeerTurn, keepNotes } from '../spool/peer-notes.ts'
import type { Spool } from '../spool/spool.ts'
import type { MoveAnswer, MoveRequest } from './move.ts'

/**
 * Takes messages of one channel that wait for peers out of what is sent: one segment a step. Who sends finds it within `scanMs`;
 * what is on its way by then may arrive all the same, and what has arrived is not counted.
 *
 * @throws DroprError DISK_*
 */
export async function cancelStep(request: MoveRequest, spool: Spool): Promise<MoveAnswer> {
  const { filter, channel, after, max, dryRun = false } = request
  const [fromPath = '', fromPosition = '0'] = after?.split('\n') ?? []
  const segments = await outboxSegments(spool, channel, filter.peers ?? [])
  const [first, second] = segments.filter(({ path }) => path >= fromPath)
  if (first === undefined) return { moved: 0, bytes: 0, left: {} }
  const from = first.path === fromPath ? Number(fromPosition) : 0
  const chosen = await choose(request, spool, first, from)
  const { stream, positions, bytes, ids, full } = chosen
  if (!dryRun && positions.length > 0) {
    await inPeerTurn(spool, first.peer, async () => {
      const cancelled = (await readCancelled(spool.system.files, spool.path, first.peer)) ?? new Cancelled()
      cancelled.add(stream, positions)
      await writeCancelled(spool, first.peer, cancelled)
    })
  }
  const isLast = !full && second === undefined
  // What an earlier try has noted is not found again: it may have failed after that.
  if (!dryRun && positions.length === 0 && isLast) await keepNotes(spool, 'cancelled')
  const next = full ? `${first.path}\n${positions.at(-1)! + 1}` : second && `${second.path}\n0`
  const more = next === undefined ? {} : { next }
  return { moved: positions.length, bytes, left: {}, ...more, ...(dryRun && { ids: ids.slice(0, max) }) }
}

async function choose(request: MoveRequest, spool: Spool, { peer, path }: OutboxSegment, from: number) {
  const { filter, channel, began, max, dryRun } = request
  const { files } = spool.system
  const sieve = new Sieve(filter, began)
  const acks = new AckTail(spool)
  await acks.look()
  const before = await readCancelled(files, spool.path, peer)
  const chosen = { stream: '', positions: [] as number[], bytes: 0, ids: [] as string[], full: false }
  const reader = await SegmentReader.open(files, path)
  if (reader === undefined) return chosen
  try {
    const { stream } = reader.head
    chosen.stream = stream
    for await (const { kind, payload, first } of wholeFrames(reader)) {
      if (kind !== 'data') continue
      for (let at = 0, p = first; at < payload.length; at += entryBytes(payload, at), p++) {
        if (p < from || payload[at + 8] !== MESSAGE) continue
        if (acks.at(stream, p) !== undefined || before?.has(stream, p)) continue
        const stored = decodeMessage(payload, at)
        const known = { channel, peer, state: 'pending', at: stored.sentAt }
        if (stored.sentAt > began || !sieve.takes(known) || !sieve.holds(stored)) continue
        if (chosen.positions.length >= max) return { ...chosen, full: true }
        chosen.positions.push(p)
        chosen.bytes += entryBytes(payload, at)
        if (dryRun) chosen.ids.push(stored.id)
      }
    }
    return chosen
  } finally {
    await reader.close()
  }
}
