import type { Limits } from '../limits.ts'
import type { OutboxBlobs } from './outbox-blobs.ts'
import type { OutboxStreams } from './outbox-streams.ts'
import { SpaceWatch } from './space-watch.ts'
import type { Spool } from './spool.ts'
import type { StreamReader } from './stream-reader.ts'
import { readWiped } from './wiped.ts'

/** A segment in which everything is done. */
export interface Finished {
  channel: string
  bytes: number
  /** Wall ms: since when it is done, as far as known. */
  doneAt: number
}

/**
 * Which finished segments go: those done for longer than `retentionMs`, and the oldest of a channel until what it keeps fits
 * into `retentionBytes`.
 *
 * @param now Wall ms. A segment from the future (the clock was set back) stays.
 */
export function segmentsToRemove<T extends Finished>(
  finished: readonly T[],
  now: number,
  limits: Pick<Limits, 'retentionMs' | 'retentionBytes'>
): T[] {
  const kept = new Map<string, number>()
  const newestFirst = [...finished].sort((a, b) => b.doneAt - a.doneAt)
  const remove = newestFirst.filter(({ channel, bytes, doneAt }) => {
    const keeps = (kept.get(channel) ?? 0) + bytes
    kept.set(channel, keeps)
    return now - doneAt > limits.retentionMs || keeps > limits.retentionBytes
  })
  return remove.reverse()
}

/** Who knows what became of streams: the client's `Acked`, or the inbox for this node's own. */
export interface StreamLedger {
  /** Since when a stream is done, wall ms, if that is known. */
  doneAt(stream: string): number | undefined
  /** These streams have arrived to their end: `doneAt` counts from now. */
  done(streams: readonly { stream: string; ended: number }[]): Promise<void>
  /** Resolves when it is durable that these streams are done and their files (relative to the spool) will go. */
  removing(streams: readonly { stream: string; ended: number; path: string }[]): Promise<void>
  /** The file is gone, durably. */
  removed(stream: string): void
}

/** The limits, but when space is short: then nothing that is finished is kept to look at. `pressed`: it is. */
export async function limitsNow(
  spool: Spool,
  limits: Limits = spool.limits
): Promise<{ limits: Limits; pressed: boolean }> {
  const space = new SpaceWatch(spool)
  await space.look()
  return space.short ? { limits: { ...limits, retentionMs: 0 }, pressed: true } : { limits, pressed: false }
}

/**
 * Removes the outbox segments of one peer that are done and past their retention: first the large bodies that have arrived and
 * those that only they name, then the mark, then the file.
 *
 * @returns How many went.
 * @throws DroprError DISK_*; what was marked is removed later, or after the next start.
 */
export async function removeFinished(options: {
  spool: Spool
  streams: OutboxStreams
  blobs?: OutboxBlobs
  ledger: StreamLedger
}): Promise<number> {
  const { spool, streams, blobs, ledger } = options
  const { clock, files } = spool.system
  if (blobs !== undefined) for (const folder of streams.folders()) await blobs.clean(folder)
  const finished: (Finished & { reader: StreamReader })[] = []
  const fresh = streams.finished().filter(({ stream }) => ledger.doneAt(stream) === undefined)
  if (fresh.length > 0) await ledger.done(fresh.map(({ stream, ended }) => ({ stream, ended: ended ?? 0 })))
  for (const reader of streams.finished()) {
    const bytes = (await files.stat(reader.path))?.bytesUsed ?? 0
    const doneAt = ledger.doneAt(reader.stream) ?? reader.lastAt
    finished.push({ channel: reader.channel, bytes, doneAt, reader })
  }
  const going: StreamReader[] = []
  const wiped = await readWiped(spool, streams.peer)
  const isWiped = ({ reader }: { reader: StreamReader }) =>
    (wiped.get(reader.stream) ?? 0) >= (reader.ended ?? Number.POSITIVE_INFINITY)
  const old = segmentsToRemove(finished, clock.now(), (await limitsNow(spool)).limits)
  for (const { reader } of new Set([...finished.filter(isWiped), ...old]))
    if (!(await reader.grew())) going.push(reader)
  if (going.length === 0) return 0
  if (blobs !== undefined) for (const reader of going) await blobs.removeWith(reader)
  await ledger.removing(
    going.map(({ stream, ended, path }) => ({ stream, ended: ended ?? 0, path: path.slice(spool.path.length + 1) }))
  )
  let count = 0
  for (const reader of going) {
    if (!(await streams.remove(reader))) continue
    ledger.removed(reader.stream)
    count++
  }
  return count
}
