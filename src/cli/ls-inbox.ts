import { bodyBytesOf } from '../journal/blob-of.ts'
import { decodeMessage, decodeNote, HOLE, MESSAGE, messageFlags } from '../journal/entry.ts'
import type { Frame } from '../journal/frame.ts'
import { listSegments } from '../journal/segment-names.ts'
import { isOurs } from '../names.ts'
import { type InboxMark, inboxMark } from '../server/inbox-marks.ts'
import { Runs } from '../server/runs.ts'
import { addRuns } from '../server/segment-ledger.ts'
import { isVoid, readVoids } from '../server/voids.ts'
import type { System } from '../system/system.ts'
import { entryPlaces, framesOf } from './ls-frames.ts'
import type { FoundRow, Room } from './ls-rows.ts'

type Ending = 'done' | 'dead' | 'expired'
type State = 'pending' | 'leased' | Ending

const ENDINGS: readonly Ending[] = ['done', 'expired', 'dead']
/** How often nearly every message was handed out before it ended so. */
const USUAL: Readonly<Record<Ending, number>> = { done: 1, dead: 1, expired: 0 }

/** What the marks of a channel say of one message. */
interface Fate {
  state: State
  deliveries: number
  attempts: number
  lease?: string
  /** Not before; and why it came back. */
  nextTryAt?: number | undefined
  reason?: string | undefined
}

/** In channels of dropr itself, whose messages nobody claims. */
const KEPT: Fate = { state: 'done', deliveries: 0, attempts: 0 }
const FRESH: Fate = { state: 'pending', deliveries: 0, attempts: 0 }

/**
 * One channel of the inbox, as docs/format.md says it is read: what was finished stays finished, else the later mark counts,
 * and what a void mark takes back never happened.
 */
export class LsInbox implements Room {
  readonly room = 'inbox'
  readonly channel: string
  readonly #system: Pick<System, 'files' | 'clock'>
  readonly #folder: string
  /** By stream, then position: messages of which a mark speaks, and which are not finished. */
  readonly #fates = new Map<string, Map<number, Fate>>()
  /** By stream: what is finished, as runs of positions. It may be millions. */
  readonly #endings = new Map<string, Record<Ending, Runs>>()
  readonly #leaseEnds = new Map<string, number>()
  /** Wall ms since when nothing is handed out. */
  pausedAt: number | undefined
  /** Stream and position of what an operator keeps back. */
  readonly #held = new Set<string>()
  /** By stream: what an operator wanted to see no more. */
  readonly #wiped = new Map<string, Runs>()
  /** How far each stream is here. */
  readonly next = new Map<string, number>()

  constructor(options: { system: Pick<System, 'files' | 'clock'>; folder: string; channel: string }) {
    this.channel = options.channel
    this.#system = options.system
    this.#folder = options.folder
  }

  /** Reads the marks: must come first. */
  async fold(): Promise<void> {
    for await (const frame of this.#frames()) {
      const { source } = frame
      if (source) this.next.set(source.stream, Math.max(this.next.get(source.stream) ?? 0, source.to))
      else for (const at of entryPlaces(frame)) this.#foldMark(inboxMark(decodeNote(frame.payload, at)))
    }
  }

  async *batches(wanted?: string, whole = wanted !== undefined): AsyncGenerator<FoundRow[]> {
    const now = this.#system.clock.now()
    // A frame may have been copied after a crash: the same positions twice.
    const seen = new Map<string, Runs>()
    for await (const frame of this.#frames()) {
      const { source, payload } = frame
      if (!source || frame.kind !== 'data') continue
      const here = seen.get(source.stream) ?? new Runs()
      seen.set(source.stream, here)
      const batch: FoundRow[] = []
      for (const [i, at] of entryPlaces(frame).entries()) {
        const position = source.from + i
        if (payload[at + 8] === HOLE || messageFlags(payload, at).kind !== MESSAGE) continue
        if (here.covers(position, position + 1)) continue
        if (this.#wiped.get(source.stream)?.covers(position, position + 1)) continue
        here.add(position, position + 1)
        const fate = this.#fateOf(source.stream, position)
        const over = fate.state === 'leased' && (this.#leaseEnds.get(fate.lease!) ?? 0) <= now
        const waits = over || fate.state === 'pending'
        const stored = decodeMessage(payload, at)
        const { id, sentAt, expiresAt, key } = stored
        if (wanted !== undefined && id !== wanted) continue
        const row: FoundRow = {
          room: 'inbox',
          channel: this.channel,
          priority: source.priority,
          from: source.node,
          stream: source.stream,
          position,
          id,
          state: waits && this.#held.has(`${source.stream} ${position}`) ? 'held' : waits ? 'pending' : fate.state,
          deliveries: fate.deliveries,
          attempts: fate.attempts,
          sentAt,
          receivedAt: frame.at,
          bytes: bodyBytesOf(stored)
        }
        // Not by spreading: that is what makes a million of them slow.
        if (expiresAt !== undefined) row.expiresAt = expiresAt
        if (key !== undefined) row.key = key
        if (whole) row.stored = stored
        this.#addTimes(row, fate, over, now)
        batch.push(row)
      }
      yield batch
    }
  }

  /** What is known of the next hand-out, and of why the last one failed. */
  #addTimes(row: FoundRow, { state, lease, nextTryAt, reason }: Fate, over: boolean, now: number): void {
    const leaseUntil = state === 'leased' && !over ? this.#leaseEnds.get(lease!) : undefined
    if (leaseUntil !== undefined) row.leaseUntil = leaseUntil
    if (nextTryAt !== undefined && nextTryAt > now) row.nextTryAt = nextTryAt
    if (reason !== undefined) row.reason = reason
    if ((state === 'pending' || over) && this.pausedAt !== undefined) row.pausedAt = this.pausedAt
  }

  #foldMark(mark: InboxMark | undefined): void {
    if (mark?.m === 'keep') this.#leaseEnds.set(mark.l, mark.u)
    else if (mark?.m === 'pause' || mark?.m === 'resume') this.pausedAt = mark.m === 'pause' ? mark.t : undefined
    else if (mark?.m === 'wiped') addRuns(this.#wiped, mark.s, mark.r)
    else if (mark?.m === 'streams') {
      for (const [stream, , , , next] of mark.q) this.next.set(stream, Math.max(this.next.get(stream) ?? 0, next))
    } else if (mark?.m === 'hold' || mark?.m === 'unhold') {
      const act = mark.m === 'hold' ? 'add' : 'delete'
      for (const [from, to] of mark.r) for (let at = from; at < to; at++) this.#held[act](`${mark.s} ${at}`)
    } else if (mark && 'r' in mark && mark.m !== 'moved' && mark.m !== 'told') {
      if (mark.m === 'lease') this.#leaseEnds.set(mark.l, mark.u)
      for (const [from, to] of mark.r) for (let at = from; at < to; at++) this.#foldOne(mark, at)
    }
  }

  #foldOne(
    mark: Exclude<Extract<InboxMark, { r: unknown }>, { m: 'moved' | 'told' | 'hold' | 'unhold' | 'wiped' }>,
    position: number
  ): void {
    const fates = this.#fates.get(mark.s) ?? new Map<number, Fate>()
    this.#fates.set(mark.s, fates)
    if (this.#endingOf(mark.s, position) !== undefined) return
    const before = fates.get(position) ?? FRESH
    if (mark.m === 'lease') {
      fates.set(position, { state: 'leased', deliveries: mark.d ?? 1, attempts: mark.a ?? 0, lease: mark.l })
    } else if (mark.m === 'back') {
      const { a: attempts = 0, d: deliveries = before.deliveries, u: nextTryAt, e: reason } = mark
      fates.set(position, { state: 'pending', deliveries, attempts, nextTryAt, reason })
    } else this.#finish(mark, position, before)
  }

  /** What it went through is forgotten where it is what nearly all go through. */
  #finish(mark: { m: Ending; s: string; e?: string }, position: number, { deliveries, attempts }: Fate): void {
    let runs = this.#endings.get(mark.s)
    if (runs === undefined) {
      runs = { done: new Runs(), dead: new Runs(), expired: new Runs() }
      this.#endings.set(mark.s, runs)
    }
    runs[mark.m].add(position, position + 1)
    const fates = this.#fates.get(mark.s)!
    const usual = mark.m !== 'dead' && deliveries === USUAL[mark.m] && attempts === 0
    if (usual) fates.delete(position)
    else fates.set(position, { state: mark.m, deliveries, attempts, reason: mark.e })
  }

  #endingOf(stream: string, position: number): Ending | undefined {
    const runs = this.#endings.get(stream)
    return runs && ENDINGS.find(ending => runs[ending].covers(position, position + 1))
  }

  #fateOf(stream: string, position: number): Fate {
    const fate = this.#fates.get(stream)?.get(position)
    if (fate !== undefined) return fate
    const state = this.#endingOf(stream, position)
    if (state === undefined && isOurs(this.channel)) return KEPT
    return state === undefined ? FRESH : { state, deliveries: USUAL[state], attempts: 0 }
  }

  async *#frames(): AsyncGenerator<Frame> {
    const segments = await listSegments(this.#system.files, this.#folder)
    const voids = await readVoids(this.#system.files, segments)
    for (const segment of segments)
      for await (const { frame } of framesOf(this.#system.files, segment.path))
        if (!voids.some(gone => isVoid(gone, segment, frame))) yield frame
  }
}
