import type { Source } from '../journal/frame.ts'
import type { Place } from '../journal/segment-file.ts'
import type { Refusal } from './arriving.ts'
import type { Extent } from './checkpoint.ts'
import type { InboxMark } from './inbox-marks.ts'
import type { PositionRun } from './inbox-port.ts'
import { Runs } from './runs.ts'

/** Joined extents are gone through whole when one of their messages is needed. */
const EXTENT_BYTES_MAX = 4_194_304
const EXTENT_COUNT_MAX = 1_024
/**
 * At most so many frames of a segment are listed one by one, as many as memory tells apart; behind that, also those are joined
 * between which others came. Each one listed costs a restart.
 */
const EXACT_MAX = 1_024

export type Ending = 'done' | 'dead' | 'expired'

/** What of a range a checkpoint tells, besides its source. */
export interface RangeFacts {
  bytes: number
  /** Positions that hold messages. */
  present: readonly PositionRun[]
  expiring: boolean
  /** Some sender wants to hear what becomes of its message. */
  receipts: boolean
  /** Some have keys. */
  keyed: boolean
  /** Of ids to be remembered. */
  keys: readonly string[]
  refused: readonly Refusal[]
  /** Wall ms when it was received. */
  at: number
  /** Memory tells it apart from others of its stream, between which others came. */
  exact: boolean
}

export interface StreamFacts {
  id: string
  origin: string
  node: string
  priority: number
  next: number
  refused: Refusal[]
}

/**
 * What lies in the segment that is being written: exactly what was committed to it, no more and no less. The checkpoint at
 * its end is made of this.
 */
export class SegmentLedger {
  readonly n: number
  readonly extents: Extent[] = []
  readonly streams = new Map<string, StreamFacts>()
  readonly finished = new Map<string, Record<Ending, Runs>>()
  readonly moved = new Map<string, Runs>()
  readonly removed = new Map<string, number>()
  readonly told = new Map<string, Runs>()
  readonly taken: number[] = []
  readonly keys: string[] = []
  keysAt = 0
  /** Ids restated here, as they were. */
  readonly idMarks: InboxMark[] = []
  order = 0
  newestAt = 0
  readonly #last = new Map<string, Extent>()

  constructor(n: number) {
    this.n = n
  }

  range(source: Source, place: Place, facts: RangeFacts | undefined): void {
    const stream = this.#stream(source)
    stream.next = Math.max(stream.next, source.to)
    this.order = Math.max(this.order, source.order + source.to - source.from)
    if (facts === undefined) return
    this.newestAt = Math.max(this.newestAt, facts.at)
    stream.refused.push(...facts.refused)
    for (const key of facts.keys) this.keys.push(key)
    if (facts.keys.length > 0) this.keysAt = Math.max(this.keysAt, facts.at)
    const { stream: id, from, to, order } = source
    const { payloadAt } = place
    const { bytes, at, expiring, receipts, keyed, exact } = facts
    const holes = new Runs(facts.present).gaps(from, to)
    const last = this.#last.get(id)
    const joins =
      last !== undefined &&
      last.to === from &&
      at >= last.at &&
      payloadAt > last.payloadAt &&
      payloadAt + bytes - last.payloadAt <= EXTENT_BYTES_MAX &&
      to - last.from <= EXTENT_COUNT_MAX &&
      (!exact || last.order + last.to - last.from === order || this.extents.length > EXACT_MAX)
    if (joins) {
      last.to = to
      last.bytes = payloadAt + bytes - last.payloadAt
      last.frames++
      last.expiring ||= expiring
      last.receipts ||= receipts
      last.keyed ||= keyed
      last.holes.push(...holes)
      return
    }
    const extent: Extent = {
      stream: id,
      from,
      to,
      order,
      at,
      payloadAt,
      bytes,
      frames: 1,
      expiring,
      receipts,
      keyed,
      holes
    }
    this.#last.set(id, extent)
    this.extents.push(extent)
  }

  mark(mark: InboxMark, at: number): void {
    this.newestAt = Math.max(this.newestAt, at)
    if (mark.m === 'done' || mark.m === 'dead' || mark.m === 'expired') this.#finish(mark.s, mark.m, mark.r)
    else if (mark.m === 'moved') addRuns(this.moved, mark.s, mark.r)
    else if (mark.m === 'told') addRuns(this.told, mark.s, mark.r)
    else if (mark.m === 'taken') this.taken.push(mark.n)
    else if (mark.m === 'ids') this.idMarks.push(mark)
    else if (mark.m === 'removed') for (const id of mark.q) this.removed.set(id, mark.t)
    else if (mark.m === 'streams')
      for (const [id, origin, node, priority, next, refused] of mark.q) {
        const stream = this.#stream({ stream: id, origin, node, priority })
        stream.next = Math.max(stream.next, next)
        stream.refused.push(...refused)
      }
  }

  #stream({
    stream: id,
    origin,
    node,
    priority
  }: Pick<Source, 'stream' | 'origin' | 'node' | 'priority'>): StreamFacts {
    let stream = this.streams.get(id)
    if (stream === undefined) {
      stream = { id, origin, node, priority, next: 0, refused: [] }
      this.streams.set(id, stream)
    }
    return stream
  }

  #finish(stream: string, how: Ending, runs: readonly PositionRun[]): void {
    let finished = this.finished.get(stream)
    if (finished === undefined) {
      finished = { done: new Runs(), dead: new Runs(), expired: new Runs() }
      this.finished.set(stream, finished)
    }
    for (const [from, to] of runs) finished[how].add(from, to)
  }
}

export function addRuns(to: Map<string, Runs>, stream: string, runs: readonly PositionRun[]): void {
  let of = to.get(stream)
  if (of === undefined) {
    of = new Runs()
    to.set(stream, of)
  }
  for (const [from, end] of runs) of.add(from, end)
}
