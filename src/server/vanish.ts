import { DroprError } from '../errors.ts'
import { listSegments } from '../journal/segment-names.ts'
import type { Limits } from '../limits.ts'
import { isOurs } from '../names.ts'
import type { Spool } from '../spool/spool.ts'
import type { ChannelInbox } from './channel-inbox.ts'
import { removeInbox, stillBusy } from './channel-removal.ts'

/**
 * Removes a channel of the inbox that has been empty for `emptyMsMax`, if that is set: nothing is left to do there, what was finished
 * is past its retention, and no letter of it is dead. What recognises repeats stays, as after `channel rm`.
 *
 * @returns How many segments went.
 * @throws DroprError DISK_*
 */
export async function vanish(options: {
  spool: Spool
  limits: Pick<Limits, 'retentionMs'>
  channel: ChannelInbox
}): Promise<number> {
  const { spool, limits, channel } = options
  const { clock, files, log } = spool.system
  const busyWith = (it: ChannelInbox) => stillBusy(it) ?? stillWanted(it, { now: clock.now(), ...limits })
  if (busyWith(channel) !== undefined) return 0
  if ((await listSegments(files, spool.dead(channel.name))).length > 0) return 0
  try {
    const went = await removeInbox(spool, channel, busyWith)
    log.info({ channel: channel.name }, 'the channel was empty for long, and was removed')
    return went.files
  } catch (error) {
    // Something came.
    if (error instanceof DroprError && error.code === 'CHANNEL_NOT_EMPTY') return 0
    throw error
  }
}

/** What keeps a channel in which nothing is left to do, in words. */
function stillWanted(
  channel: ChannelInbox,
  { now, retentionMs }: { now: number; retentionMs: number }
): string | undefined {
  const { emptyMsMax } = channel.policy()
  if (emptyMsMax === 0) return 'it is to stay'
  if (isOurs(channel.name)) return 'it is one of ours'
  if (channel.segments.size === 0) return 'there is nothing to remove'
  if (channel.state.pausedAt !== undefined) return 'it is paused'
  for (const { doneAt, newestAt } of channel.segments.values())
    if (now - Math.max(doneAt, newestAt) <= Math.max(emptyMsMax, retentionMs)) return 'it was used a short while ago'
  return undefined
}
