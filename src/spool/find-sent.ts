import { diskError } from '../errors.ts'
import { decodeMessage, entryBytes, MESSAGE, messageId } from '../journal/entry.ts'
import { uuidMs } from '../journal/ids.ts'
import { listSegments } from '../journal/segment-names.ts'
import { SegmentReader } from '../journal/segment-reader.ts'
import { wholeFrames } from '../journal/whole-frames.ts'
import { PRIORITY } from '../message.ts'
import { readSeal } from './segment-seal.ts'
import type { Spool } from './spool.ts'
import { readWiped, type Wiped } from './wiped.ts'

/** A message in the outbox: where it goes, and which it is there. */
export interface SentPlace {
  id: string
  peer: string
  channel: string
  priority: number
  stream: string
  position: number
  /** Wall ms. */
  sentAt: number
  expiresAt: number | undefined
  /** The peer is to say what becomes of it. */
  receipt: boolean
}

interface Wanted {
  ids: ReadonlySet<string>
  found: Map<string, SentPlace[]>
  wiped: Wiped
}

/** A clock that was set back by less hides nothing. */
const DOUBT_MS = 3_600_000

/**
 * Finds messages by their ids in the outbox: a row for each peer that one was sent to.
 *
 * Ids of ours say when they were made, so that older segments need not be read; what is not found that way (a clock that was set
 * back, an id that only looks like ours) is looked for everywhere.
 *
 * @throws DroprError DISK_*
 */
export async function findSent(spool: Spool, ids: ReadonlySet<string>): Promise<Map<string, SentPlace[]>> {
  const found = new Map<string, SentPlace[]>()
  const since = Math.min(...[...ids].map(id => uuidMs(id) ?? 0))
  await findIn(spool, ids, since - DOUBT_MS, found)
  const missing = new Set([...ids].filter(id => !found.has(id)))
  if (missing.size > 0 && since > 0) await findIn(spool, missing, 0, found)
  return found
}

async function findIn(
  spool: Spool,
  ids: ReadonlySet<string>,
  since: number,
  found: Map<string, SentPlace[]>
): Promise<void> {
  try {
    for (const peer of await spool.outboxPeers()) {
      const wiped = await readWiped(spool, peer)
      for (const channel of await spool.channelsIn(spool.outboxOf(peer)))
        for (let priority: number = PRIORITY.max; priority >= PRIORITY.min; priority--)
          await findInFolder(spool, { peer, channel, priority }, { ids, since, found, wiped })
    }
  } catch (error) {
    throw diskError(error, `look for messages in ${spool.path}/outbox`)
  }
}

async function findInFolder(
  spool: Spool,
  to: { peer: string; channel: string; priority: number },
  wanted: Wanted & { since: number }
): Promise<void> {
  const { files } = spool.system
  const segments = await listSegments(files, spool.outbox(to.peer, to.channel, to.priority))
  /** By writer: when its later segment was made. */
  const later = new Map<string, number>()
  for (const segment of segments.toReversed()) {
    if ((later.get(segment.writer) ?? Number.POSITIVE_INFINITY) < wanted.since) continue
    const reader = await SegmentReader.open(files, segment.path)
    if (reader === undefined) continue
    try {
      later.set(segment.writer, reader.head.createdAt)
      const seal = wanted.since > 0 ? await readSeal(reader) : undefined
      if (seal === undefined || seal.at >= wanted.since) await findInSegment(reader, to, wanted)
    } finally {
      await reader.close()
    }
  }
}

async function findInSegment(
  reader: SegmentReader,
  to: { peer: string; channel: string; priority: number },
  { ids, found, wiped }: Wanted
): Promise<void> {
  for await (const { payload, count, first } of wholeFrames(reader)) {
    for (let i = 0, at = 0; i < count && at < payload.length; i++, at += entryBytes(payload, at)) {
      if (payload[at + 8] !== MESSAGE) continue
      const id = messageId(payload, at)
      if (!ids.has(id) || first + i < (wiped.get(reader.head.stream) ?? 0)) continue
      const { sentAt, expiresAt, receipt = false } = decodeMessage(payload, at)
      const place = { ...to, id, stream: reader.head.stream, position: first + i, sentAt, expiresAt, receipt }
      const places = found.get(id)
      if (places === undefined) found.set(id, [place])
      else places.push(place)
    }
  }
}
