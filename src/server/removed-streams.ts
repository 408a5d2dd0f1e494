import type { ChannelInbox } from './channel-inbox.ts'
import type { Channels } from './channels.ts'
import type { RemovedMark } from './inbox-marks.ts'
import type { StreamState } from './stream-state.ts'

/** A stream is forgotten so long after its sender said that it has removed it: nothing of it is on its way any more. */
const FORGET_MS = 604_800_000

/**
 * Marks streams that `node` has removed, as far as they are its own.
 *
 * @returns Those of which that is on the disk, or nothing is known: their sender need not say it again.
 * @throws DroprError DISK_*
 */
export async function markRemoved(
  channels: Channels,
  ids: readonly string[],
  { node, now: t }: { node: string; now: number }
): Promise<string[]> {
  const noted: string[] = []
  const open = new Map<string, StreamState[]>()
  for (const id of new Set(ids)) {
    const stream = channels.stream(id)
    // One that is not known may be in a channel that cannot be read.
    if (stream === undefined ? !channels.anyClosed : stream.node !== node || stream.removedAt !== undefined)
      noted.push(id)
    else if (stream !== undefined) open.set(stream.channel, [...(open.get(stream.channel) ?? []), stream])
  }
  await Promise.all(
    [...open].map(async ([name, streams]) => {
      const mark: RemovedMark = { m: 'removed', q: streams.map(({ id }) => id), t }
      const channel = channels.ready(name)
      await (channel?.remains?.note(mark) ?? channel?.journal.mark(mark))
      for (const stream of streams) stream.removedAt = t
      noted.push(...mark.q)
    })
  )
  return noted
}

/** Forgets streams whose senders have said long ago that they are removed, and of which nothing is left here. */
export function forgetRemoved({ state }: ChannelInbox, now: number): void {
  for (const stream of state.streams.values())
    if (stream.removedAt !== undefined && now - stream.removedAt > FORGET_MS && stream.pending === stream.next)
      if (stream.all().length === 0) state.forget(stream)
}

/** Own streams of a spool whose files are gone, as far as the inbox does not know that yet. */
export function goneHere(
  streams: Iterable<StreamState>,
  here: { origin: string; node: string; known: ReadonlySet<string> }
): string[] {
  const gone: string[] = []
  for (const { id, origin, node, removedAt } of streams)
    if (origin === here.origin && node === here.node && removedAt === undefined && !here.known.has(id)) gone.push(id)
  return gone
}
