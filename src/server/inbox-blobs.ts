import { type DroprError, diskError } from '../errors.ts'
import { listSegments } from '../journal/segment-names.ts'
import type { Limits } from '../limits.ts'
import { listBlobs, type PlacedBlob, parsePlacedBlob } from '../spool/blob-names.ts'
import { type Finished, segmentsToRemove } from '../spool/retention.ts'
import type { Spool } from '../spool/spool.ts'
import type { ChannelState } from './channel-state.ts'

/** Something seen in an earlier turn. */
interface Seen {
  ticks: number
  /** Wall ms. */
  at: number
  bytes: number
  finished: boolean
}

/**
 * Removes large bodies from the inbox: of finished messages past their retention (each a file of its own, so that ten finished
 * gigabytes do not wait for the segment of their message), and what arrived of bodies whose message never came.
 */
export class InboxBlobs {
  readonly #spool: Spool
  readonly #limits: Limits
  /** By path. */
  #seen = new Map<string, Seen>()

  constructor(spool: Spool, limits: Limits) {
    this.#spool = spool
    this.#limits = limits
  }

  /**
   * One turn over all channels.
   *
   * @param state Of a channel that is open.
   * @returns How many went.
   * @throws DroprError DISK_*
   */
  async clean(state: (channel: string) => ChannelState | undefined): Promise<number> {
    const { files } = this.#spool.system
    const before = this.#seen
    const going: string[] = []
    let failed: DroprError | undefined
    this.#seen = new Map()
    for (const channel of await this.#spool.inboxChannels()) {
      const folder = this.#spool.inbox(channel)
      try {
        const blobs = await listBlobs(files, folder, parsePlacedBlob)
        const known = state(channel)
        // A channel that cannot be opened now may have messages that wait: nothing of it is judged.
        if (blobs.length === 0 || (known === undefined && (await listSegments(files, folder)).length > 0)) continue
        going.push(...(await this.#judge(channel, blobs, before, known)))
      } catch (error) {
        failed ??= diskError(error, `clean ${folder}`)
      }
    }
    for (const path of going) {
      await files.remove(path)
      this.#seen.delete(path)
    }
    // One bad folder stays one bad folder (P7).
    if (failed !== undefined) throw failed
    return going.length
  }

  async #judge(
    channel: string,
    blobs: readonly PlacedBlob[],
    before: ReadonlyMap<string, Seen>,
    state: ChannelState | undefined
  ): Promise<string[]> {
    const { clock, files } = this.#spool.system
    const finished: (Finished & { path: string })[] = []
    const going: string[] = []
    for (const blob of blobs) {
      const fate = fateOf(blob, state)
      if (fate === 'waits') continue
      const { bytes = 0, bytesUsed = 0 } = (await files.stat(blob.path)) ?? {}
      const known = before.get(blob.path)
      const same = known?.finished === (fate === 'finished') && known.bytes === bytes
      const seen = same ? known : { ticks: clock.ticks(), at: clock.now(), bytes, finished: fate === 'finished' }
      this.#seen.set(blob.path, seen)
      // Not in the turn that finds it: whoever has just finished it may still be reading.
      if (!same) continue
      if (fate === 'finished') finished.push({ channel, bytes: bytesUsed, doneAt: seen.at, path: blob.path })
      else if (clock.ticks() - seen.ticks > this.#limits.blobIdleMsMax) going.push(blob.path)
    }
    return [...going, ...segmentsToRemove(finished, clock.now(), this.#limits).map(({ path }) => path)]
  }
}

function fateOf(
  { stream, position, whole }: PlacedBlob,
  state: ChannelState | undefined
): 'arrives' | 'waits' | 'finished' {
  const known = state?.streams.get(stream)
  if (known === undefined || position >= known.pending) return 'arrives'
  // Its message was given up while the body still came in, or the body came twice: nobody will ever read this part.
  if (!whole && position < known.next) return 'arrives'
  // On its way to the disk counts as waiting.
  return position >= known.next || known.between(position, position + 1).length > 0 ? 'waits' : 'finished'
}
