import { listSegments } from '../journal/segment-names.ts'
import { cleanDead, deadPastRetention } from '../spool/dead-retention.ts'
import type { Spool } from '../spool/spool.ts'
import type { Inbox } from './inbox.ts'
import { cleanChannel, oldOnes } from './inbox-clean.ts'
import type { MoveAnswer, MoveRequest } from './move.ts'

export interface CleanParts {
  spool: Spool
  inbox: Inbox
  epoch: number
}

/**
 * Removes now what is past its retention in one channel of the inbox and of the dead letters, which would go by itself within a
 * minute. In a dry run says what would go: segments, and their bytes on the disk.
 *
 * @throws DroprError DISK_*
 */
export async function cleanStep({ channel, dryRun }: MoveRequest, parts: CleanParts): Promise<MoveAnswer> {
  const { spool, inbox, epoch } = parts
  const { files } = spool.system
  const dead = { spool, channel, epoch }
  const { limits } = spool
  // Looking must not make a channel that is only among the dead letters.
  const known = (await spool.inboxChannels()).includes(channel)
  if (dryRun) {
    const old = known ? await oldOnes({ spool, limits, channel: await inbox.channel(channel) }) : []
    let bytes = 0
    for (const { path } of old) bytes += (await files.stat(path))?.bytesUsed ?? 0
    const letters = await deadPastRetention(dead)
    for (const letter of letters) bytes += letter.bytes
    return { moved: old.length + letters.length, bytes, left: {} }
  }
  const before = await segmentsOf(spool, channel)
  if (known) {
    const there = await inbox.channel(channel)
    await cleanChannel({ spool, limits, channel: there, ids: there.ids })
  }
  await cleanDead(dead)
  const after = await segmentsOf(spool, channel)
  let moved = 0
  let bytes = 0
  for (const [path, size] of before)
    if (!after.has(path)) {
      moved++
      bytes += size
    }
  return { moved, bytes, left: {} }
}

async function segmentsOf(spool: Spool, channel: string): Promise<Map<string, number>> {
  const { files } = spool.system
  const found = new Map<string, number>()
  for (const folder of [spool.inbox(channel), spool.dead(channel)])
    for (const { path } of await listSegments(files, folder)) found.set(path, (await files.stat(path))?.bytesUsed ?? 0)
  return found
}
