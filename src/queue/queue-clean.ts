import { checkChannel, checkPeer, isOurs } from '../names.ts'
import type { MoveKind } from '../server/move.ts'
import { cleanLoneBlobs, hasHeldBlobs } from '../spool/lone-blobs.ts'
import { keepAlive } from '../system/keep-alive.ts'
import { carryOut } from './carry-out.ts'
import { checkMoveOptions } from './filter-options.ts'
import { checkDuration, checkOptions, type Duration, said } from './options.ts'
import type { QueueMovesParts } from './queue-moves.ts'

export interface CleanOptions {
  channel?: string | readonly string[]
  /** Removes nothing; tells what would go. */
  dryRun?: boolean
  /** Not what is past its retention, but whatever is finished and older than this: 1 ms or more. */
  olderThan?: Duration
  /** With `olderThan`: only what was sent to, or came from, these nodes. */
  peer?: string | readonly string[]
  /** With `olderThan`: only what was sent and has arrived (`outbox`), or what was acknowledged here (`inbox`). */
  room?: 'outbox' | 'inbox'
}

export interface Cleaned {
  /** Files of messages and marks that went. */
  segments: number
  /** Files of large bodies that went. */
  blobs: number
  /** Of all of them, on the disk. */
  bytes: number
  /** With `olderThan`: messages that are not listed, and not given again, any more. */
  messages?: number
  /** The same by room and channel, where there were any. */
  channels?: { room: 'outbox' | 'inbox'; channel: string; messages: number }[]
}

const CLEAN = new Set(['channel', 'dryRun', 'olderThan', 'peer', 'room'])
const KINDS = { outbox: 'wipe-sent', inbox: 'wipe' } as const satisfies Record<string, MoveKind>

/** Removes what is finished: what is past its retention, or older than somebody wants it. */
export async function clean(parts: QueueMovesParts, options: CleanOptions = {}): Promise<Cleaned> {
  checkOptions(options, CLEAN, 'clean')
  const { channel, dryRun = false, olderThan, peer, room } = options
  const channels = channel === undefined ? undefined : listOf(channel).map(checkChannel)
  const peers = peer === undefined ? undefined : listOf(peer).map(name => checkPeer(name))
  if (olderThan !== undefined) checkDuration(olderThan, 'olderThan', 1)
  if (room !== undefined && !Object.hasOwn(KINDS, room))
    throw new TypeError(`room must be outbox or inbox, got ${said(room)}`)
  if (olderThan === undefined && (peer !== undefined || room !== undefined))
    throw new TypeError('clean takes peer and room only with olderThan')
  parts.checkOpen()
  const letGo = keepAlive()
  try {
    if (olderThan === undefined) return await cleanOld(parts, { channels, dryRun })
    const cleaned = { messages: 0, channels: [] as Required<Cleaned>['channels'], segments: 0, blobs: 0, bytes: 0 }
    for (const each of room === undefined ? (['outbox', 'inbox'] as const) : [room])
      for (const name of await channelsIn(parts, each)) {
        if (channels?.includes(name) === false) continue
        const which = { channel: name, olderThan, dryRun, ...(peers !== undefined && { peer: peers }) }
        const move = checkMoveOptions(which, 'clean')
        const { step, spool } = parts
        const there = () => Promise.resolve([name])
        const { moved, left } = await carryOut({
          what: KINDS[each],
          move,
          step,
          clock: spool.system.clock,
          channels: there
        })
        cleaned.messages += moved
        cleaned.segments += left.segments ?? 0
        cleaned.bytes += left.bytes ?? 0
        if (moved > 0) cleaned.channels.push({ room: each, channel: name, messages: moved })
      }
    return cleaned
  } finally {
    letGo()
  }
}

async function cleanOld(
  { spool, step, schedule }: QueueMovesParts,
  { channels, dryRun }: { channels: string[] | undefined; dryRun: boolean }
): Promise<Cleaned> {
  const move = checkMoveOptions({ ...(channels && { channel: channels }), all: true, dryRun }, 'clean')
  const there = async () => [...new Set([...(await spool.inboxChannels()), ...(await spool.deadChannels())])]
  const { clock } = spool.system
  const { moved, bytes } = await carryOut({ what: 'clean', move, step, clock, channels: there })
  const lone = await cleanLoneBlobs(spool, { channels, dryRun })
  // What is for later is of no channel yet.
  const asks = channels === undefined && (await hasHeldBlobs(spool))
  const held = asks ? await (await schedule()).cleanBlobs(dryRun) : { files: 0, bytes: 0 }
  return { segments: moved, blobs: lone.files + held.files, bytes: bytes + lone.bytes + held.bytes }
}

async function channelsIn({ spool }: QueueMovesParts, room: 'outbox' | 'inbox'): Promise<string[]> {
  const found =
    room === 'inbox'
      ? [await spool.inboxChannels()]
      : await Promise.all((await spool.outboxPeers()).map(peer => spool.channelsIn(spool.outboxOf(peer))))
  return [...new Set(found.flat())].filter(name => !isOurs(name)).sort()
}

function listOf(given: string | readonly string[]): readonly string[] {
  return typeof given === 'string' ? [given] : given
}
