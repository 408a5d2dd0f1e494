import type { Limits } from '../limits.ts'
import { limitsNow } from '../spool/retention.ts'
import type { Spool } from '../spool/spool.ts'
import type { Channels } from './channels.ts'
import type { InboxBlobs } from './inbox-blobs.ts'
import { cleanChannel } from './inbox-clean.ts'
import { vanish } from './vanish.ts'

/**
 * One cleaning turn over the inbox: segments whose messages are finished and past their retention, channels that are to vanish,
 * then large bodies. When space is short, whatever is finished.
 *
 * @returns How many segments went.
 * @throws DroprError DISK_*
 */
export async function cleanInbox(
  inbox: { spool: Spool; limits: Limits; channels: Channels; blobs: InboxBlobs },
  isClosed: () => boolean
): Promise<number> {
  const { spool, channels, blobs } = inbox
  const { limits, pressed } = await limitsNow(spool, inbox.limits)
  let removed = 0
  for (const channel of channels.all()) {
    if (isClosed()) return removed
    removed += await cleanChannel({ spool, limits, channel, ids: channels.known, pressed })
    removed += await vanish({ spool, limits, channel })
  }
  await blobs.clean(channel => channels.ready(channel)?.state)
  return removed
}
