import { blobOf } from '../journal/blob-of.ts'
import { entryBytes } from '../journal/entry.ts'
import { blobBesideSegment } from '../spool/blob-names.ts'
import type { DeadLetter, DeadRoom } from '../spool/room-dead.ts'
import type { System } from '../system/system.ts'
import type { Refusal } from '../wire/upload.ts'
import type { StreamSource } from './stream-source.ts'

/** Read at a time. */
const READ_BYTES = 1_048_576

export interface RefusedFrom {
  system: Pick<System, 'clock' | 'log'>
  source: StreamSource
  room: Pick<DeadRoom, 'add'>
  peer: string
  /** This node. */
  origin: string
  node: string
}

/**
 * Copies messages that a peer refused for good to the dead letters of their channel. Resolves when they are synced there.
 *
 * @param refusals In order of position.
 */
export async function copyRefused(from: RefusedFrom, refusals: readonly Refusal[]): Promise<void> {
  const { source, room } = from
  for (let at = 0; at < refusals.length; ) {
    const first = refusals[at]!.at
    const range = await source.read(first, READ_BYTES)
    const to = range?.to ?? first + 1
    const letters: DeadLetter[] = []
    // What expired meanwhile is still there to be read.
    const entries = range?.entries
    let position = first
    let begin = 0
    for (; at < refusals.length && refusals[at]!.at < to; at++) {
      const refusal = refusals[at]!
      if (entries === undefined) unreadable(from, refusal)
      else {
        for (; position < refusal.at; position++) begin += entryBytes(entries, begin)
        const entry = entries.subarray(begin, begin + entryBytes(entries, begin))
        letters.push(letterOf(from, refusal, entry))
      }
    }
    if (letters.length > 0) await room.add(letters)
  }
}

function letterOf(from: RefusedFrom, { at: position, code, detail }: Refusal, entry: Buffer): DeadLetter {
  const { system, source, peer, origin, node } = from
  const { stream, channel, priority } = source
  const reason = `${peer} refused it: ${detail}`
  const attempts = [{ at: system.clock.now(), reason }]
  const blob = blobOf(entry, 0)
  const blobPath = blob && source.path ? blobBesideSegment(source.path, blob.id) : undefined
  return { channel, priority, origin, node, stream, position, entry, blobPath, reason, code, to: peer, attempts }
}

/** It was sent, so it could be read a moment ago. Its damage is set aside by who reads; here is only said what else is known. */
function unreadable({ system, source, peer }: RefusedFrom, refusal: Refusal): void {
  const { at: position, id, code, detail } = refusal
  const { stream, channel } = source
  const fields = { code: 'SPOOL_DAMAGED', peer, channel, stream, position, id, refused: code, detail }
  system.log.error(fields, 'a message that a peer refused cannot be read any more')
}
