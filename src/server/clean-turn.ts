import type { Limits } from '../limits.ts'
import type { Spool } from '../spool/spool.ts'
import type { Channels } from './channels.ts'
import type { InboxBlobs } from './inbox-blobs.ts'
import { cleanChannel } from './inbox-clean.ts'

/**
 * One cleaning turn over the inbox: segments whose messages are finished and past their retention, then large bodies.
 *
 * @returns How many segments went.
 * @throws DroprError DISK_*
 */
export async function cleanInbox(
  inbox: { spool: Spool; limits: Limits; channels: Channels; blobs: InboxBlobs },
  isClosed: () => boolean
): Promise<number> {
  const { spool, limits, channels, blobs } = inbox
  let removed = 0
  for (const channel of channels.all()) {
    if (isClosed()) return removed
    removed += await cleanChannel({ spool, limits, channel, ids: channels.known })
  }
  await blobs.clean(channel => channels.ready(channel)?.state)
  return removed
}
