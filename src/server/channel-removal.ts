import { DroprError, diskError, systemCode } from '../errors.ts'
import { listSegments } from '../journal/segment-names.ts'
import { listBlobs, type PlacedBlob, parsePlacedBlob } from '../spool/blob-names.ts'
import type { RemovedChannel } from '../spool/removed-channels.ts'
import type { Spool } from '../spool/spool.ts'
import { type FoldInto, foldMark } from './channel-fold.ts'
import type { ChannelInbox } from './channel-inbox.ts'
import { idMarks } from './inbox-clean.ts'
import { type IdsMark, inboxMark } from './inbox-marks.ts'
import { inTurn } from './inbox-turns.ts'
import { Remains } from './remains.ts'

const TRIES_MAX = 5
/** Of ids, 4,000 each: more are not put into one file. */
const ID_MARKS_MAX = 1_000

/** Files that went, and their bytes on the disk. */
export interface Went {
  files: number
  bytes: number
}

/**
 * Removes a channel of the inbox in which nothing is left to do.
 *
 * What must be remembered is written to a file of its own first, durably; from that moment on the channel is gone, and whoever opens
 * it later ends the removal of its segments. Until then it is as it was. What comes meanwhile goes into a segment with a higher
 * number, which stays.
 *
 * @param busyWith What keeps it from being removed, in words: asked again at the last moment.
 * @throws DroprError CHANNEL_NOT_EMPTY when something is there after all; DISK_*
 */
export function removeInbox(spool: Spool, channel: ChannelInbox, busyWith = stillBusy): Promise<Went> {
  return inTurn(channel, async () => {
    const { files, clock } = spool.system
    const folder = spool.inbox(channel.name)
    for (let tries = 1; ; tries++) {
      const { commits } = channel.journal
      const segments = await listSegments(files, folder)
      const marks: IdsMark[] = channel.remains?.marks().filter(mark => mark.m === 'ids') ?? []
      for (const { path } of segments) marks.push(...(await idMarks({ spool, channel, ids: channel.ids }, path)))
      if (marks.length > ID_MARKS_MAX) throw notEmpty(channel.name, 'it remembers too many ids that were given')
      const busy = busyWith(channel)
      if (busy !== undefined) throw notEmpty(channel.name, busy)
      const through = Math.max(segments.at(-1)?.n ?? 0, channel.journal.newest, channel.remains?.through ?? 0)
      // All in one turn of the loop: what was read is what is there.
      if (channel.journal.commits === commits && channel.journal.leave(through)) {
        channel.state.pausedAt = undefined
        const remains = new Remains(spool, channel, { removedAt: clock.now(), through, epoch: channel.epoch, marks })
        remains.rest()
        await remains.write()
        return await removeFiles(spool, channel, through)
      }
      if (tries === TRIES_MAX) throw notEmpty(channel.name, 'it is written to all the time')
      await clock.sleep(tries)
    }
  })
}

/** What keeps a channel of the inbox from being removed, in words. */
export function stillBusy({ state }: ChannelInbox): string | undefined {
  const { pending, leased, delayed, held } = state.counts
  const parts = Object.entries({ wait: pending + delayed, leased, held }).filter(([, count]) => count > 0)
  if (parts.length > 0) return parts.map(([what, count]) => `${count} ${what}`).join(', ')
  if (state.owed.size > 0) return 'senders are still to be told what became of their messages'
  for (const { next, pending: coming } of state.streams.values()) if (coming !== next) return 'messages are arriving'
  return undefined
}

export function notEmpty(channel: string, why: string): DroprError {
  return new DroprError('CHANNEL_NOT_EMPTY', `channel ${JSON.stringify(channel)} cannot be removed: ${why}`)
}

/** What was removed is remembered, and what of it a crash has left is removed now. */
export async function finishRemoval(spool: Spool, into: FoldInto, removed: RemovedChannel): Promise<void> {
  for (const note of removed.marks) {
    const mark = inboxMark(note)
    if (mark !== undefined) foldMark(into, mark, removed.removedAt)
  }
  const folder = spool.inbox(into.channel)
  await removeSegments(spool, folder, removed.through)
  await removeFolder(spool, folder)
}

async function removeFiles(spool: Spool, channel: ChannelInbox, through: number): Promise<Went> {
  const folder = spool.inbox(channel.name)
  const went = await removeSegments(spool, folder, through)
  for (const [path] of channel.segments) if (went.paths.has(path)) channel.segments.delete(path)
  const { files } = spool.system
  try {
    for (const blob of await listBlobs(files, folder, parsePlacedBlob)) {
      if (!isFinished(channel, blob)) continue
      went.bytes += (await files.stat(blob.path))?.bytesUsed ?? 0
      went.files++
      await files.remove(blob.path)
    }
  } catch (error) {
    throw diskError(error, `clean ${folder}`)
  }
  await removeFolder(spool, folder)
  return { files: went.files, bytes: went.bytes }
}

/** A body that arrives ahead of its message stays, and that of a message which came meanwhile. */
function isFinished({ state }: ChannelInbox, { stream, position }: PlacedBlob): boolean {
  const known = state.streams.get(stream)
  return known !== undefined && position < known.next && known.between(position, position + 1).length === 0
}

async function removeSegments(spool: Spool, folder: string, through: number): Promise<Went & { paths: Set<string> }> {
  const { files } = spool.system
  const went = { files: 0, bytes: 0, paths: new Set<string>() }
  try {
    for (const { path, n } of await listSegments(files, folder)) {
      if (n > through) continue
      went.bytes += (await files.stat(path))?.bytesUsed ?? 0
      went.files++
      went.paths.add(path)
      await files.remove(path)
    }
    if (went.files > 0) await files.syncFolder(folder)
    return went
  } catch (error) {
    throw diskError(error, `remove the segments of ${folder}`)
  }
}

/** Only the inbox's owner makes and removes it: nobody else relies on its name being durable. */
async function removeFolder(spool: Spool, folder: string): Promise<void> {
  try {
    await spool.system.files.removeFolder(folder)
    spool.folders.forget(folder)
    await spool.system.files.syncFolder(`${spool.path}/inbox`)
  } catch (error) {
    // Something came.
    if (!['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(systemCode(error) ?? '')) throw diskError(error, `remove ${folder}`)
  }
}
