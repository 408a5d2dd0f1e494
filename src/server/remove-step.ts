import { listSegments } from '../journal/segment-names.ts'
import type { Spool } from '../spool/spool.ts'
import { outboxShares } from '../spool/unsent.ts'
import { addWiped } from '../spool/wiped.ts'
import { notEmpty, removeInbox, stillBusy } from './channel-removal.ts'
import type { DeadMoves } from './dead-moves.ts'
import type { Inbox } from './inbox.ts'
import type { MoveAnswer, MoveRequest } from './move.ts'

export interface RemoveParts {
  spool: Spool
  inbox: Inbox
  dead: Pick<DeadMoves, 'count' | 'removeRoom'>
  /** Ends what is written to among the dead letters of a channel. */
  restDead: (channel: string) => Promise<void>
}

/**
 * Removes a channel of this node in which nothing is left to do: its inbox with what is finished there, and its dead letters' room.
 * What was sent and has arrived is wiped, and its files go with the next cleaning of who sends; folders of the outbox stay, empty, since
 * other processes may be about to write there and take them for durable.
 *
 * @throws DroprError CHANNEL_NOT_EMPTY saying what is there; DISK_*: the channel is whole, or gone.
 */
export async function removeStep({ channel, dryRun }: MoveRequest, parts: RemoveParts): Promise<MoveAnswer> {
  const { spool, inbox, dead, restDead } = parts
  // What was sent before is there: it may just not have come in.
  await inbox.firstLook.over(undefined)
  const known = (await spool.inboxChannels()).includes(channel)
  const there = known ? await inbox.channel(channel) : undefined
  const shares = await outboxShares(spool, channel, stream => inbox.stream(stream)?.next ?? 0)
  const letters = (await spool.deadChannels()).includes(channel) ? await dead.count(channel) : 0
  const reasons = shares
    .filter(({ unsent }) => unsent > 0)
    .map(({ peer, unsent }) => `${unsent} ${peer === spool.node ? 'on their way in' : `unsent to ${peer}`}`)
  const busy = there && stillBusy(there)
  if (busy !== undefined) reasons.unshift(busy)
  if (letters > 0) reasons.push(`${letters} dead letters`)
  if (reasons.length > 0) throw notEmpty(channel, reasons.join(', '))
  const sent = shares.reduce((sum, { streams }) => sum + streams.size, 0)
  const left: Record<string, number> = sent > 0 ? { sent } : {}
  if (dryRun) return { ...(await filesOf(spool, channel)), left }
  await restDead(channel)
  const went = there === undefined ? { files: 0, bytes: 0 } : await removeInbox(spool, there)
  const room = await dead.removeRoom(channel)
  if (room.left > 0) left.dead = room.left
  for (const { peer, streams } of shares) await addWiped(spool, peer, streams)
  return { moved: went.files + room.files, bytes: went.bytes + room.bytes, left }
}

async function filesOf(spool: Spool, channel: string): Promise<{ moved: number; bytes: number }> {
  const { files } = spool.system
  const found = { moved: 0, bytes: 0 }
  for (const folder of [spool.inbox(channel), spool.dead(channel)])
    for (const { path } of await listSegments(files, folder)) {
      found.moved++
      found.bytes += (await files.stat(path))?.bytesUsed ?? 0
    }
  return found
}
