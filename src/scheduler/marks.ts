import { decodeNote, encodeMark, entryBytes, MARK, MESSAGE } from '../journal/entry.ts'
import type { Ids } from '../journal/ids.ts'
import { JournalWriter } from '../journal/journal-writer.ts'
import { listSegments } from '../journal/segment-names.ts'
import { segmentParts } from '../journal/segment-parts.ts'
import { SegmentReader } from '../journal/segment-reader.ts'
import { salvageMarks } from '../spool/damaged-marks.ts'
import type { Spool } from '../spool/spool.ts'
import type { Held } from './held.ts'

type Runs = readonly (readonly [number, number])[]

/** What is said in schedule/marks; each may hold several facts. They only add up: order and repeats do not matter. */
export interface ScheduleMark {
  /** Intake stream: positions below this are in buckets, or gone by themselves. */
  in?: Record<string, number>
  /** Bucket stream: positions handed over to an outbox. */
  f?: Record<string, Runs>
  /** Bucket stream: positions cancelled or replaced. */
  c?: Record<string, Runs>
  /** Bucket streams of which everything lies in other buckets. */
  m?: string[]
  /** The entry behind this mark, in the same frame, is a message that is to be held, by this name. */
  x?: string
  /** Such messages that lie in buckets. */
  p?: string[]
  /** Nothing due after this, wall ms, was ever begun to be handed over. */
  h?: number
}

/** Above it the marks are restated in a new segment. */
const RESTATE_BYTES = 4_194_304

/**
 * The scheduler's own journal: how far the intake is, what was handed over, cancelled, moved; and messages that replace others,
 * which must appear in the same moment as the others go.
 */
export class Marks {
  readonly #spool: Spool
  readonly #folder: string
  readonly #writer: string
  readonly #ids: Ids
  readonly #next = new Map<string, number>()
  readonly #fired = new Map<string, [number, number][]>()
  readonly #cancelled = new Map<string, [number, number][]>()
  readonly moved = new Set<string>()
  /** Messages that replaced others and are not yet in a bucket. */
  readonly homeless = new Map<string, Buffer>()
  readonly #placed = new Set<string>()
  /** Copies that were taken back, and nobody has said so yet. */
  readonly #unsaid = new Map<Held, [number, number][]>()
  /** See `h`. Said before the first of them goes, for a while ahead. */
  horizon = 0
  #journal: JournalWriter
  #bytes = 0
  #failed = false

  constructor(options: { spool: Spool; folder: string; writer: string; ids: Ids }) {
    this.#spool = options.spool
    this.#folder = options.folder
    this.#writer = options.writer
    this.#ids = options.ids
    this.#journal = this.#open()
  }

  /** Reads what earlier schedulers said. To be followed by `restate` before anybody is told anything. */
  async fold(): Promise<void> {
    for (const { path } of await listSegments(this.#spool.system.files, this.#folder)) {
      const reader = await SegmentReader.open(this.#spool.system.files, path)
      if (reader === undefined) continue
      try {
        await this.#foldSegment(reader)
      } finally {
        await reader.close()
      }
    }
    for (const name of this.#placed) this.homeless.delete(name)
  }

  /** How far that intake stream is. */
  next(stream: string): number {
    return this.#next.get(stream) ?? 0
  }

  /** Whether something is known of segments that nobody has asked for. */
  knowsMore(streams: ReadonlySet<string>): boolean {
    if (this.#fired.size > 0 || this.#cancelled.size > 0) return true
    for (const stream of this.moved) if (!streams.has(stream)) return true
    return false
  }

  /** Gives a bucket segment what is known of it. */
  tell(held: Held): void {
    for (const [from, to] of this.#fired.get(held.stream) ?? []) for (let n = from; n < to; n++) held.fired.add(n)
    for (const [from, to] of this.#cancelled.get(held.stream) ?? [])
      for (let n = from; n < to; n++) if (!held.fired.has(n)) held.cancelled.add(n)
    this.#fired.delete(held.stream)
    this.#cancelled.delete(held.stream)
    held.recount()
  }

  /** The intake counts as taken from the moment on in which this resolves. */
  async setNext(to: ReadonlyMap<string, number>): Promise<void> {
    await this.append({ in: Object.fromEntries(to) })
    for (const [stream, next] of to) this.#next.set(stream, next)
  }

  forget(stream: string): void {
    this.#next.delete(stream)
  }

  /** Copies that do not count. The next mark says so: else what was cancelled meanwhile would live on in one of them. */
  takeBack(added: readonly { held: Held; from: number; to: number }[]): void {
    for (const { held, from, to } of added) {
      if (from === to) continue
      for (let n = from; n < to; n++) held.cancelled.add(n)
      this.#unsaid.set(held, [...(this.#unsaid.get(held) ?? []), [from, to]])
    }
  }

  append(mark: ScheduleMark): Promise<void> {
    return this.#say(mark, whole => this.#journal.appendMark(whole))
  }

  async raise(horizon: number): Promise<void> {
    if (horizon <= this.horizon) return
    await this.append({ h: horizon })
    this.horizon = Math.max(this.horizon, horizon)
  }

  /** A mark and a message, both or neither. */
  async appendWithMessage(mark: ScheduleMark & { x: string }, entry: Buffer): Promise<void> {
    await this.#say(mark, async whole => {
      await this.#journal.appendRange({ entries: [encodeMark(whole), entry], count: 2 })
    })
    this.homeless.set(mark.x, entry)
  }

  async setPlaced(names: string[]): Promise<void> {
    await this.append({ p: names })
    for (const name of names) this.homeless.delete(name)
  }

  /** A mark was lost with a full disk, or there are many: time to say all again. */
  get isDue(): boolean {
    return this.#failed || this.#bytes > RESTATE_BYTES
  }

  /** Says all that still counts in a new segment, and removes the earlier ones. */
  async restate(held: Iterable<Held>, intake: ReadonlySet<string>): Promise<void> {
    if (this.homeless.size > 0) throw new Error('messages that replace others lie only here')
    const { files } = this.#spool.system
    const before = await listSegments(files, this.#folder)
    const earlier = this.#journal
    this.#journal = this.#open()
    this.#bytes = 0
    this.#failed = false
    try {
      for (const stream of this.#next.keys()) if (!intake.has(stream)) this.#next.delete(stream)
      const said: Promise<void>[] = [
        this.append({ in: Object.fromEntries(this.#next), m: [...this.moved], h: this.horizon })
      ]
      for (const { stream, fired, cancelled } of held) {
        if (fired.count > 0) said.push(this.append({ f: { [stream]: fired.runs() } }))
        if (cancelled.count > 0) said.push(this.append({ c: { [stream]: cancelled.runs() } }))
      }
      await Promise.all(said)
      await earlier.close()
    } catch (error) {
      this.#failed = true
      throw error
    }
    for (const { path } of before) await files.remove(path)
    if (before.length > 0) await files.syncFolder(this.#folder)
  }

  close(): Promise<void> {
    return this.#journal.close()
  }

  async #say(mark: ScheduleMark, say: (whole: ScheduleMark) => Promise<unknown>): Promise<void> {
    const unsaid = [...this.#unsaid]
    const c = { ...mark.c }
    for (const [{ stream }, runs] of unsaid) c[stream] = [...(c[stream] ?? []), ...runs]
    try {
      await say(unsaid.length === 0 ? mark : { ...mark, c })
    } catch (error) {
      this.#failed = true
      throw error
    }
    for (const [held, runs] of unsaid) if (this.#unsaid.get(held) === runs) this.#unsaid.delete(held)
  }

  #open(): JournalWriter {
    const { system, folders, id, limits } = this.#spool
    return new JournalWriter({
      system,
      folders,
      folder: this.#folder,
      writer: this.#writer,
      spool: id,
      limits,
      ids: this.#ids,
      onCommit: ({ end }) => {
        this.#bytes = end
      }
    })
  }

  async #foldSegment(reader: SegmentReader): Promise<void> {
    for await (const part of segmentParts(reader)) {
      if (part.kind === 'frame') this.#foldFrame(part.frame.payload)
      if (part.kind !== 'damage') continue
      // A cancel that is not read any more would be none: what can be read there counts.
      const why = 'marks of the schedule, or messages that were to replace others'
      for (const payload of await salvageMarks(this.#spool, reader, { ...part, why })) this.#foldFrame(payload)
    }
  }

  #foldFrame(payload: Buffer): void {
    let name: string | undefined
    for (let at = 0; at < payload.length; at += entryBytes(payload, at)) {
      if (payload[at + 8] === MESSAGE && name !== undefined)
        this.homeless.set(name, Buffer.from(payload.subarray(at, at + entryBytes(payload, at))))
      if (payload[at + 8] !== MARK) continue
      const mark = decodeNote(payload, at) as ScheduleMark | undefined
      name = mark?.x
      if (mark !== undefined) this.#foldMark(mark)
    }
  }

  #foldMark(mark: ScheduleMark): void {
    for (const [stream, next] of Object.entries(mark.in ?? {}))
      this.#next.set(stream, Math.max(next, this.#next.get(stream) ?? 0))
    this.horizon = Math.max(this.horizon, mark.h ?? 0)
    add(this.#fired, mark.f)
    add(this.#cancelled, mark.c)
    for (const stream of mark.m ?? []) this.moved.add(stream)
    for (const name of mark.p ?? []) this.#placed.add(name)
  }
}

function add(to: Map<string, [number, number][]>, said: Record<string, Runs> | undefined): void {
  for (const [stream, runs] of Object.entries(said ?? {})) {
    const all = to.get(stream) ?? []
    for (const [from, end] of runs) all.push([from, end])
    to.set(stream, all)
  }
}
