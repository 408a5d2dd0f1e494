import { decodeBlob } from '../journal/blob-entry.ts'
import type { Limits } from '../limits.ts'
import type { Body, BodyKind, Draft } from '../message.ts'
import { checkChannel } from '../names.ts'
import type {
  Change,
  ChangedBody,
  ForecastRow,
  ListPage,
  Schedule,
  Shown,
  Steered,
  Ticked
} from '../scheduler/index.ts'
import type { Clock } from '../system/clock.ts'
import { timeMs } from '../time-input.ts'
import { draftOf } from './body.ts'
import { type BodySource, sourceOf } from './body-source.ts'
import { notPast, type Time } from './later.ts'
import { checkCount, checkOptions, said } from './options.ts'
import { checkId, checkKind } from './send-options.ts'
import { type BlobRoom, sendSources } from './send-source.ts'

export interface ScheduledQuery {
  /** Due from then on, and before `to`. */
  from?: Time
  to?: Time
  channel?: string
  /** 1 to 1,000; default 50. */
  limit?: number
  /** `next` of the page before. */
  after?: string
}

export interface ScheduledChange {
  when?: Time
  /** A `when` that has passed rejects with DUE_PAST. Default: it goes at once. */
  rejectPast?: boolean
  body?: Body | BodySource
  kind?: BodyKind
}

export interface QueueScheduleParts {
  clock: Clock
  limits: Limits
  /** In which times without an offset are read. */
  zone: () => string
  /** Found at the first use: who only sends needs none of it. */
  open: () => Promise<Schedule>
  /** Where large bodies are put with which messages are to go, and who puts them. */
  large?: { room: BlobRoom; folder: string; writer: string }
  checkOpen: () => void
}

/** Of a queue without a scheduler's files. */
export const NOTHING_LATER = {
  zone: () => 'UTC',
  open: () => Promise.reject(new TypeError('this queue holds nothing for later'))
}

const NOTHING = Buffer.alloc(0)
const CHANGE = new Set(['when', 'rejectPast', 'body', 'kind'])
const RESCHEDULE = new Set(['rejectPast'])
const EDIT = new Set(['kind'])
const LIST = new Set(['from', 'to', 'channel', 'limit', 'after'])
const LIMIT_MAX = 1_000
/** One place a shard. */
const AFTER = /^(?:end|\d{1,15}\.\d{1,15}\.\d{1,9})?(?: (?:end|\d{1,15}\.\d{1,15}\.\d{1,9})?)*$/

/**
 * What is held for later: looked at and steered, from any process, whether or not a scheduler runs. Each answer says which side
 * of the race with the hand-over won.
 */
export class QueueSchedule {
  readonly #parts: QueueScheduleParts
  #schedule: Promise<Schedule> | undefined

  constructor(parts: QueueScheduleParts) {
    this.#parts = parts
  }

  async cancel(id: string): Promise<Steered> {
    checkId(id)
    return (await this.#open()).cancel(id)
  }

  /** Another time, another body, or both in one moment: under the same id; all else stays. */
  async change(id: string, change: ScheduledChange): Promise<Steered> {
    checkId(id)
    checkOptions(change, CHANGE, 'change')
    const { when, rejectPast, body, kind } = change
    if (when === undefined && body === undefined) throw new TypeError('change needs when, body, or both')
    if (body === undefined && kind !== undefined) throw new TypeError('kind is that of a body: give both')
    const { clock } = this.#parts
    const now = clock.now()
    const due = when === undefined ? undefined : notPast(this.#time(when, 'when', now), now, rejectPast)
    const to = { ...(due !== undefined && { due }) }
    const source = sourceOf(body)
    if (source !== undefined)
      return await this.#changeTo(source, kind, made => this.#changed(id, { ...to, body: made }))
    return await this.#changed(id, body === undefined ? to : { ...to, body: this.#bodyOf(body as Body, kind) })
  }

  /** A time that has passed: it goes at once, unless `rejectPast`. */
  async reschedule(id: string, when: Time, options: { rejectPast?: boolean } = {}): Promise<Steered> {
    checkOptions(options, RESCHEDULE, 'reschedule')
    return this.change(id, { ...options, when })
  }

  /** Another body under the same id; all else stays. A file or stream may be as large as that of `sendMessage`. */
  async edit(id: string, body: Body | BodySource, options: { kind?: BodyKind } = {}): Promise<Steered> {
    checkOptions(options, EDIT, 'edit')
    return this.change(id, { ...options, body })
  }

  /** Resolves when it is in the outbox. */
  async sendNow(id: string): Promise<Steered> {
    checkId(id)
    return (await this.#open()).sendNow(id)
  }

  /** Those of this id with their bodies: one for each peer it is for. */
  async show(id: string): Promise<Shown> {
    checkId(id)
    return (await this.#open()).show(id)
  }

  /** In due order. A page may be short, even empty, and there is more: `next` says. */
  async list(query: ScheduledQuery = {}): Promise<ListPage> {
    checkOptions(query, LIST, 'list')
    const { from, to, channel, limit, after } = query
    const now = this.#parts.clock.now()
    if (after !== undefined && (typeof after !== 'string' || !AFTER.test(after)))
      throw new TypeError(`after must be the next of an earlier page, got ${said(after)}`)
    return (await this.#open()).list({
      ...(from === undefined ? {} : { from: this.#time(from, 'from', now) }),
      ...(to === undefined ? {} : { to: this.#time(to, 'to', now) }),
      ...(channel === undefined ? {} : { channel: checkChannel(channel) }),
      ...(limit === undefined ? {} : { limit: checkCount(limit, 'limit', 1, LIMIT_MAX) }),
      ...(after === undefined ? {} : { after })
    })
  }

  /** How many messages are to come, bucket by bucket. */
  async forecast(): Promise<ForecastRow[]> {
    return (await this.#open()).forecast()
  }

  /** Hands over all that is due now, and says what became of each. Safe beside a running scheduler. */
  async tick(): Promise<Ticked[]> {
    return (await this.#open()).tick()
  }

  async #changed(id: string, change: Change): Promise<Steered> {
    return await (await this.#open()).change(id, change)
  }

  /** What is put for it belongs to the schedule from the moment that says so. What did not come to that goes. */
  async #changeTo(
    source: BodySource,
    kind: BodyKind | undefined,
    change: (body: ChangedBody) => Promise<Steered>
  ): Promise<Steered> {
    const { clock, limits, large } = this.#parts
    this.#parts.checkOpen()
    const place = { folder: large?.folder ?? '' }
    const append = async ([whole]: readonly Draft[]) => {
      const { kind, body, blob } = whole!
      const bytes = body as Buffer
      if (blob !== true || large === undefined) return await change({ kind, bytes })
      try {
        return await change({ kind, bytes, putBy: large.writer })
      } finally {
        await large.room.drop(place, decodeBlob(bytes))
      }
    }
    const draft = draftOf(NOTHING, clock.now(), 0)
    const options = { ...(kind !== undefined && { kind }) }
    const places = [place] as const
    return await sendSources({
      items: [{ draft, source }],
      options,
      places,
      limits,
      room: large?.room,
      append,
      what: 'edit'
    })
  }

  #bodyOf(body: Body, given: BodyKind | undefined): { kind: BodyKind; bytes: Buffer } {
    const { clock, limits } = this.#parts
    const draft = draftOf(body, clock.now(), limits.messageBytesMax)
    const kind = given === undefined ? draft.kind : checkKind(given, draft.body)
    // A copy: what the caller does to the bytes meanwhile must not show.
    return { kind, bytes: Buffer.from(draft.body as Uint8Array) }
  }

  #open(): Promise<Schedule> {
    this.#parts.checkOpen()
    this.#schedule ??= this.#parts.open()
    return this.#schedule
  }

  #time(value: unknown, name: string, now: number): number {
    return timeMs(value, name, { now, zone: this.#parts.zone() })
  }
}
