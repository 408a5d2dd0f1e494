import { diskError } from '../errors.ts'
import { entryBytes, MESSAGE } from '../journal/entry.ts'
import { listSegments } from '../journal/segment-names.ts'
import { listBlobs, parsePlacedBlob } from '../spool/blob-names.ts'
import { Sieve } from '../spool/filter.ts'
import type { Spool } from '../spool/spool.ts'
import type { ChannelInbox } from './channel-inbox.ts'
import { type Finished, framesOf, readFinished } from './finished.ts'
import type { Inbox } from './inbox.ts'
import { cleanChannel } from './inbox-clean.ts'
import type { WipedMark } from './inbox-marks.ts'
import type { MoveAnswer, MoveRequest } from './move.ts'
import type { Runs } from './runs.ts'
import { addRuns } from './segment-ledger.ts'

const READ_BYTES_MAX = 33_554_432
const WALKS_MAX = 4

/** One wiping of a channel, from its first step to its last. */
interface Walk extends Finished {
  /** Segments in which nothing is left to see. */
  whole: Set<string>
}

/**
 * Takes messages that were acknowledged out of sight, whatever their retention: each is marked, so that a segment may hold some that
 * are wiped and some that stay. Segments of which nothing stays are removed, as far as only ever the oldest may be.
 */
export class Wipes {
  readonly #spool: Spool
  readonly #inbox: Pick<Inbox, 'channel'>
  readonly #walks = new Map<string, Promise<Walk>>()

  constructor(options: { spool: Spool; inbox: Pick<Inbox, 'channel'> }) {
    this.#spool = options.spool
    this.#inbox = options.inbox
  }

  /** `moved` counts messages; `left.segments` and `left.bytes` what went of the disk, in the last step. @throws DroprError DISK_* */
  async step(request: MoveRequest): Promise<MoveAnswer> {
    const { channel, began, dryRun = false } = request
    // Looking must not make a channel.
    if (!(await this.#spool.inboxChannels()).includes(channel)) return { moved: 0, bytes: 0, left: {} }
    const key = `${began} ${channel}`
    const opening = this.#walks.get(key) ?? this.#open(channel, began)
    this.#walks.set(key, opening)
    opening.catch(() => this.#walks.delete(key))
    for (const old of this.#walks.keys()) if (this.#walks.size > WALKS_MAX) this.#walks.delete(old)
    const walk = await opening
    const { chosen, next } = await this.#choose(request, walk)
    const there = await this.#inbox.channel(channel)
    if (!dryRun) await this.#mark(there, chosen)
    for (const [stream, runs] of chosen) addRuns(walk.wiped, stream, runs.list)
    const moved = [...chosen.values()].reduce((sum, { count }) => sum + count, 0)
    if (next !== undefined) return { moved, bytes: 0, left: {}, next }
    this.#walks.delete(key)
    return { moved, bytes: 0, left: dryRun ? {} : await this.#free(there, walk) }
  }

  async #open(channel: string, began: number): Promise<Walk> {
    return { ...(await readFinished(this.#spool, channel, began)), whole: new Set() }
  }

  /** The messages of the next segments that are meant, by when they were received. */
  async #choose(
    request: MoveRequest,
    { voids, done, wiped, whole }: Walk
  ): Promise<{ chosen: Map<string, Runs>; next: string | undefined }> {
    const { channel, filter, began, after = '0' } = request
    const sieve = new Sieve({ ...filter, states: ['done'] }, began)
    const chosen = new Map<string, Runs>()
    let read = 0
    for (const segment of await listSegments(this.#spool.system.files, this.#spool.inbox(channel))) {
      if (segment.n < Number(after)) continue
      if (read >= READ_BYTES_MAX) return { chosen, next: String(segment.n) }
      let stays = false
      for await (const { source, kind, payload, at: receivedAt } of framesOf(this.#spool, segment, voids)) {
        if (source === undefined || kind !== 'data') continue
        read += payload.length
        const { stream } = source
        const meant = sieve.takes({ channel, peer: source.node, state: 'done', at: receivedAt })
        for (let at = 0, p = source.from; at < payload.length; at += entryBytes(payload, at), p++) {
          if (payload[at + 8] !== MESSAGE || wiped.get(stream)?.covers(p, p + 1)) continue
          if (meant && done.get(stream)?.covers(p, p + 1)) addRuns(chosen, stream, [[p, p + 1]])
          else stays = true
        }
      }
      if (!stays) whole.add(segment.path)
    }
    return { chosen, next: undefined }
  }

  async #mark({ name, journal }: ChannelInbox, chosen: ReadonlyMap<string, Runs>): Promise<void> {
    const marks = [...chosen].map(([s, runs]): WipedMark => ({ m: 'wiped', s, r: [...runs.list] }))
    await Promise.all(marks.map(mark => journal.mark(mark)))
    const { files } = this.#spool.system
    const folder = this.#spool.inbox(name)
    try {
      for (const { path, stream, position } of await listBlobs(files, folder, parsePlacedBlob))
        if (chosen.get(stream)?.covers(position, position + 1)) await files.remove(path)
    } catch (error) {
      throw diskError(error, `clean ${folder}`)
    }
  }

  /** Gives back the space of the oldest segments of which nothing is left to see. */
  async #free(channel: ChannelInbox, { whole }: Walk): Promise<Record<string, number>> {
    const { files } = this.#spool.system
    const sizes = new Map<string, number>()
    for (const path of whole) sizes.set(path, (await files.stat(path))?.bytesUsed ?? 0)
    const segments = await cleanChannel({
      spool: this.#spool,
      limits: this.#spool.limits,
      channel,
      ids: channel.ids,
      whole
    })
    if (segments === 0) return {}
    let bytes = 0
    for (const [path, size] of sizes) if (!channel.segments.has(path)) bytes += size
    return { segments, bytes }
  }
}
