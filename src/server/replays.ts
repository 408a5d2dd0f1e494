import { entryWithHeader } from '../journal/again-entry.ts'
import { decodeMessage, entryBytes, MESSAGE } from '../journal/entry.ts'
import { listSegments } from '../journal/segment-names.ts'
import { Sieve } from '../spool/filter.ts'
import { StreamPositions } from '../spool/positions.ts'
import type { Spool } from '../spool/spool.ts'
import { bodiesToInbox, isBodyGone } from './dead-bodies.ts'
import { type Finished, framesOf, readFinished } from './finished.ts'
import type { Inbox } from './inbox.ts'
import type { RemovedMark } from './inbox-marks.ts'
import type { MoveAnswer, MoveRequest } from './move.ts'

/** What a message that comes again by an operator's wish is marked with: when that replay began, wall ms. */
export const REPLAYED_HEADER = 'dropr-replayed-at'
const WALKS_MAX = 4
const MOVED_BYTES_MAX = 4_194_304
const READ_BYTES_MAX = 33_554_432

interface Again {
  stream: string
  position: number
  origin: string
  node: string
  priority: number
  entry: Buffer
}

/** What a replay of one channel works with, from its first step to its last. */
interface Walk extends Finished {
  /** How many messages of an id this very replay has given already: its owner may have died in the middle of it. */
  came: Map<string, number>
  /** A message that was copied since lies at two places. */
  seen: StreamPositions
  /** By what messages have in common: the streams they come back on. */
  streams: Map<string, string>
}

/**
 * Lets messages that were acknowledged, and are still kept, come again: copies, as the last of their channel, marked as handed out
 * before. Reads the channel's segments twice: what is done, then what of it is meant.
 */
export class Replays {
  readonly #spool: Spool
  readonly #inbox: Pick<Inbox, 'appendRange' | 'stream' | 'channel'>
  readonly #walks = new Map<string, Promise<Walk>>()

  constructor(options: { spool: Spool; inbox: Pick<Inbox, 'appendRange' | 'stream' | 'channel'> }) {
    this.#spool = options.spool
    this.#inbox = options.inbox
  }

  async step(request: MoveRequest): Promise<MoveAnswer> {
    const { channel, began, dryRun = false } = request
    const key = `${began} ${channel}`
    let opening = this.#walks.get(key)
    if (opening === undefined) {
      opening = this.#open(channel, began)
      this.#walks.set(key, opening)
      opening.catch(() => this.#walks.delete(key))
      // Who went away in the middle does not come back to end his.
      for (const old of this.#walks.keys()) if (this.#walks.size > WALKS_MAX) this.#walks.delete(old)
    }
    const walk = await opening
    const { chosen, left, next } = await this.#choose(request, walk)
    const ids = dryRun ? { ids: chosen.map(({ entry }) => decodeMessage(entry, 0).id) } : {}
    if (!dryRun && chosen.length > 0) await this.#send(channel, chosen, { ...walk, began })
    if (next === undefined) {
      this.#walks.delete(key)
      await this.#retire(channel, [...walk.streams.values()])
    }
    const bytes = chosen.reduce((sum, { entry }) => sum + entry.length, 0)
    return { moved: chosen.length, bytes, left, ...(next !== undefined && { next }), ...ids }
  }

  /** What was done before this began, as the marks say. */
  async #open(channel: string, began: number): Promise<Walk> {
    const came = new Map<string, number>()
    const finished = await readFinished(this.#spool, channel, began, ({ payload }) => {
      for (let at = 0; at < payload.length; at += entryBytes(payload, at)) {
        if (payload[at + 8] !== MESSAGE) continue
        const { id, headers } = decodeMessage(payload, at)
        if (headers[REPLAYED_HEADER] === String(began)) came.set(id, (came.get(id) ?? 0) + 1)
      }
    })
    return { ...finished, came, seen: new StreamPositions(), streams: new Map() }
  }

  async #choose(
    request: MoveRequest,
    { voids, done, wiped, came, seen }: Walk
  ): Promise<{ chosen: Again[]; left: Record<string, number>; next: string | undefined }> {
    const { channel, filter, began, max } = request
    const { clock, files } = this.#spool.system
    const sieve = new Sieve({ ...filter, states: ['done'] }, began)
    const from = placeOf(request.after)
    const chosen: Again[] = []
    const left: Record<string, number> = {}
    let bytes = 0
    let read = 0
    for (const segment of await listSegments(files, this.#spool.inbox(channel))) {
      if (segment.n < from.n) continue
      const here = segment.n === from.n ? from : undefined
      for await (const frame of framesOf(this.#spool, segment, voids, here?.offset)) {
        const { source, kind, payload, at: receivedAt, offset, end } = frame
        const skip = offset === here?.offset ? here.skip : 0
        if (source === undefined || kind !== 'data' || receivedAt > began) continue
        read += payload.length
        const { stream, origin, node, priority } = source
        const known = { channel, peer: node, state: 'done', at: receivedAt }
        const runs = sieve.takes(known) ? done.get(stream) : undefined
        for (let at = 0, p = source.from; runs && at < payload.length; at += entryBytes(payload, at), p++) {
          if (chosen.length >= max) return { chosen, left, next: `${segment.n} ${offset} ${p - source.from}` }
          if (p - source.from < skip || payload[at + 8] !== MESSAGE || !runs.covers(p, p + 1) || !seen.add(stream, p))
            continue
          if (wiped.get(stream)?.covers(p, p + 1)) continue
          const stored = decodeMessage(payload, at)
          if (sieve.reads && !sieve.holds(stored)) continue
          if (stored.expiresAt !== undefined && stored.expiresAt <= clock.now()) {
            left.expired = (left.expired ?? 0) + 1
            continue
          }
          const before = came.get(stored.id) ?? 0
          if (before > 0) {
            came.set(stored.id, before - 1)
            continue
          }
          const entry = Buffer.from(payload.subarray(at, at + entryBytes(payload, at)))
          if (await isBodyGone(this.#spool, channel, { stream, position: p, entry }, this.#spool.inbox(channel))) {
            left.damaged = (left.damaged ?? 0) + 1
            continue
          }
          chosen.push({ stream, position: p, origin, node, priority, entry })
          bytes += entry.length
        }
        if (bytes >= MOVED_BYTES_MAX || read >= READ_BYTES_MAX) return { chosen, left, next: `${segment.n} ${end} 0` }
      }
    }
    return { chosen, left, next: undefined }
  }

  async #send(channel: string, chosen: readonly Again[], { streams, began }: Walk & { began: number }): Promise<void> {
    const { random } = this.#spool.system
    const groups = new Map<string, Again[]>()
    for (const one of chosen) {
      const key = `${one.origin} ${one.node} ${one.priority}`
      const group = groups.get(key)
      if (group === undefined) groups.set(key, [one])
      else group.push(one)
    }
    const at = String(began)
    await Promise.all(
      [...groups].map(async ([key, group]) => {
        const stream = streams.get(key) ?? random.bytes(16).toString('hex')
        streams.set(key, stream)
        const entries = group.map(({ entry }) => entryWithHeader(entry, REPLAYED_HEADER, at))
        const offsets = new Uint32Array(entries.length + 1)
        for (const [i, { length }] of entries.entries()) offsets[i + 1] = offsets[i]! + length
        const { origin, node, priority } = group[0]!
        const from = this.#inbox.stream(stream)?.next ?? 0
        const place = { origin, node, priority, channel, stream, from, to: from + entries.length }
        await bodiesToInbox(this.#spool, channel, group, { stream, from }, this.#spool.inbox(channel))
        await this.#inbox.appendRange({ ...place, offsets, entries: Buffer.concat(entries), again: true })
      })
    )
  }

  /** Nothing more comes on these streams: the inbox may forget them, days after all of it is finished. */
  async #retire(channel: string, ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return
    const { state, journal, now } = await this.#inbox.channel(channel)
    const mark: RemovedMark = { m: 'removed', q: [...ids], t: now() }
    await journal.mark(mark)
    for (const id of ids) {
      const stream = state.streams.get(id)
      if (stream !== undefined) stream.removedAt ??= mark.t
    }
  }
}

/** Where a step ended: a frame, and how many of its entries were looked at. */
function placeOf(after = ''): { n: number; offset: number | undefined; skip: number } {
  const [n = 0, offset, skip = 0] = after === '' ? [] : after.split(' ').map(Number)
  return { n, offset, skip }
}
