import { encodeMark } from '../journal/entry.ts'
import type { ChannelPolicy } from '../limits.ts'
import { isOurs } from '../names.ts'
import type { System } from '../system/system.ts'
import { streamConflict } from '../wire/upload-failure.ts'
import type { ArrivingRange } from './arriving.ts'
import type { BlockReader } from './block-reader.ts'
import type { Bury } from './burial.ts'
import type { ChannelState } from './channel-state.ts'
import { encodeCheckpoint } from './checkpoint.ts'
import { HandOut } from './hand-out.ts'
import type { Ids } from './ids.ts'
import type { InboxJournal } from './inbox-journal.ts'
import type { BackMark } from './inbox-marks.ts'
import type { PositionRun } from './inbox-port.ts'
import { keepOnly } from './kept.ts'
import { Outcomes, type Tell } from './outcomes.ts'
import { type Block, type SegmentState, tableOf } from './pieces.ts'
import type { Remains } from './remains.ts'
import { sift } from './sift.ts'
import type { StreamState } from './stream-state.ts'
import { Verdicts } from './verdicts.ts'

export interface ChannelOptions {
  name: string
  /** Of its owner: nothing in the channel has a higher one. */
  epoch: number
  system: System
  /** What holds for it now. */
  policy: () => ChannelPolicy
  journal: InboxJournal
  state: ChannelState
  ids: Ids
  reader: BlockReader
  /** By path; those of the channel's folder. */
  segments: Map<string, SegmentState>
  bury: Bury
  /** Without it senders who want to hear what became of their messages are told later. */
  tell?: Tell | undefined
}

/** One channel of the inbox: its journal and its state, kept in step. Only the inbox's owner has one. */
export class ChannelInbox {
  readonly name: string
  readonly epoch: number
  readonly state: ChannelState
  readonly journal: InboxJournal
  readonly segments: Map<string, SegmentState>
  readonly verdicts: Verdicts
  readonly handOut: HandOut
  readonly policy: () => ChannelPolicy
  readonly now: () => number
  /** Ids that callers gave, of all channels. */
  readonly ids: Ids
  /** Called when messages may have become ready. */
  onReady: () => void = () => undefined
  readonly reader: BlockReader
  readonly outcomes: Outcomes | undefined
  /** It was removed, and nothing came since. */
  remains: Remains | undefined
  readonly #options: ChannelOptions
  readonly #isKept: boolean
  /** The latest range of each stream that is on its way to the disk. */
  readonly #arriving = new Map<StreamState, Promise<number>>()

  constructor(options: ChannelOptions) {
    this.name = options.name
    this.epoch = options.epoch
    this.state = options.state
    this.reader = options.reader
    this.policy = options.policy
    this.now = () => options.system.clock.now()
    this.ids = options.ids
    this.journal = options.journal
    this.segments = options.segments
    this.#options = options
    this.journal.checkpoint = ledger => {
      const { clock } = options.system
      return encodeCheckpoint(ledger, options.state, { wall: clock.now(), ticks: clock.ticks() })
    }
    this.verdicts = new Verdicts({ ...options, onReady: () => this.onReady() })
    this.handOut = new HandOut({ ...options, verdicts: this.verdicts })
    this.#isKept = isOurs(options.name)
    const { tell } = options
    this.outcomes = tell === undefined ? undefined : new Outcomes({ ...options, tell })
  }

  /**
   * Appends what of the range is not here yet. Resolves, with how far the stream is here, when all of it is synced.
   *
   * Several ranges of one stream may be on their way, in order. What waits behind a failed one fails with it.
   *
   * @throws UploadFailure STREAM_CONFLICT, with `next`; DroprError DISK_*, CLOSED.
   */
  async append(range: ArrivingRange): Promise<number> {
    const known = this.state.streams.get(range.stream)
    const pending = known?.pending ?? 0
    if (range.from > pending)
      throw streamConflict(pending, `the stream is here up to ${pending}, the range begins at ${range.from}`)
    const stream = known ?? this.state.stream(range.stream, range)
    if (range.to <= stream.next) return stream.next
    if (range.to <= pending) return (await this.#arriving.get(stream)) ?? stream.next
    const from = Math.max(range.from, pending)
    const writing =
      range.skip === undefined ? this.#appendData(stream, range, from) : this.#appendSkip(stream, range, from)
    this.#arriving.set(stream, writing)
    try {
      return await writing
    } finally {
      if (this.#arriving.get(stream) === writing) this.#arriving.delete(stream)
    }
  }

  /** Reads what `take` of this channel waits for. */
  async load(block: Block): Promise<void> {
    if (block.segment === undefined) await this.#arriving.get(block.stream)?.catch(() => undefined)
    if (block.segment !== undefined) await this.#options.reader.load(block)
  }

  async close(): Promise<void> {
    await this.outcomes?.close()
    await this.journal.close()
  }

  async #appendData(stream: StreamState, range: ArrivingRange, from: number): Promise<number> {
    const { ids, journal, state, system } = this.#options
    const { to } = range
    const sifted = sift(range, from, key => ids.has(key))
    if (this.#isKept) keepOnly(sifted)
    const { order } = state
    const block: Block = {
      stream,
      from,
      to,
      order,
      bytes: sifted.bytes,
      frames: 1,
      expiring: sifted.expires !== undefined,
      receipts: sifted.receipts,
      keyed: sifted.orderKeys !== undefined,
      table: tableOf(sifted.offsets, { expires: sifted.expires, keys: sifted.orderKeys }),
      at: system.clock.now(),
      segment: undefined,
      path: '',
      payloadAt: 0,
      live: 0,
      each: undefined
    }
    stream.pending = to
    for (const key of sifted.keys) ids.expect(key)
    const source = {
      origin: stream.origin,
      node: stream.node,
      stream: stream.id,
      from,
      to,
      order,
      priority: stream.priority
    }
    const { bytes, present, receipts, keys, refused } = sifted
    const { expiring, keyed } = block
    const exact = state.isExact(stream.priority)
    const facts = { bytes, present, expiring, keyed, receipts, keys, refused, at: block.at, exact }
    const writing = journal.range({ source, entries: sifted.parts, count: to - from, facts }, () => {
      for (const key of sifted.keys) ids.forget(key)
      stream.pending = from
      state.unarrive(block)
    })
    state.arrive(block, sifted.present, range.again ? 1 : 0)
    if (range.again) this.#markHandedOut(stream, sifted.present)
    // In the same turn: who waits for a message is given it in the same commit.
    if (sifted.present.length > 0) this.onReady()
    const place = await writing
    const segment = this.segment(place)
    segment.newestAt = Math.max(segment.newestAt, block.at)
    segment.messages += to - from
    state.placed(block, { segment, path: place.path, payloadAt: place.payloadAt })
    for (const key of sifted.keys) ids.add(key, block.at)
    state.counts.duplicates += sifted.duplicates
    stream.next = to
    stream.refuse(sifted.refused)
    return to
  }

  async #appendSkip(stream: StreamState, range: ArrivingRange, from: number): Promise<number> {
    const { journal, state } = this.#options
    const { to, skip } = range
    stream.pending = to
    const source = {
      origin: stream.origin,
      node: stream.node,
      stream: stream.id,
      priority: stream.priority,
      from,
      to,
      order: state.order
    }
    await journal.range({ source, entries: [encodeMark({ m: 'skip', e: skip })], count: 1, kind: 'skip' }, () => {
      stream.pending = from
    })
    stream.next = to
    return to
  }

  /** They come again. If only this is lost, they come all the same. */
  #markHandedOut({ id }: StreamState, r: PositionRun[]): void {
    const mark: BackMark = { m: 'back', l: '', s: id, r, d: 1, t: this.#options.system.clock.now() }
    this.journal.mark(mark).catch(() => undefined)
  }

  /** The segment something was written to. */
  segment(place: { path: string; n: number }): SegmentState {
    let segment = this.segments.get(place.path)
    if (segment === undefined) {
      segment = { path: place.path, n: place.n, live: 0, messages: 0, newestAt: 0, doneAt: 0 }
      this.segments.set(place.path, segment)
    }
    return segment
  }
}
