import { DroprError, diskError } from '../errors.ts'
import type { Done, Draft } from '../message.ts'
import { POINTS } from '../system/points.ts'
import { Blocks } from './blocks.ts'
import { encodeMark } from './entry.ts'
import type { Source } from './frame.ts'
import type { JournalWriterOptions } from './journal-writer-options.ts'
import { Rhythm } from './rhythm.ts'
import { type Place, SegmentFile } from './segment-file.ts'
import { type Commit, tellAll, Waiting } from './waiting.ts'

/** Of a commit that readers are told of while it is on its way. */
const SMALL_BYTES_MAX = 4_096
/** What follows it runs when the code that runs now is done, at a third of what `queueMicrotask` costs. */
const TURN_END = Promise.resolve()

/**
 * Appends to a journal folder, as its only writer by that name.
 *
 * Group commit: all that is appended while a write runs shares the next one; a lone append starts one at once. A promise
 * resolves when its bytes, the file's name and all folders above are synced; it rejects with a DroprError when they may not
 * be, in which case the entry may or may not be there. After a failure all that waits rejects with it (what was appended
 * behind something relies on it), the segment is left and the next one opened.
 */
export class JournalWriter {
  readonly #options: JournalWriterOptions
  readonly #waiting: Waiting
  readonly #rhythm: Rhythm
  #segment: SegmentFile | undefined
  #running: Promise<void> | undefined
  #starting = false
  #closed = false
  /** The newest segment that was begun has no seal. */
  #unsealed = false
  #rotate = false

  constructor(options: JournalWriterOptions) {
    this.#options = options
    this.#waiting = new Waiting(options.ids, options.blocks ?? new Blocks())
    this.#rhythm = new Rhythm(options.system.clock)
  }

  /** The stream being written, once there is one. */
  get stream(): string | undefined {
    return this.#segment?.head.stream
  }

  /** Resolves with `done(id, draft)`. `buffered`: in the page cache is enough. `now`: wall ms, from who has just looked at the clock. */
  append<D extends Draft, T>(draft: D, done: Done<D, T>, buffered = false, now?: number): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#open()
      this.#waiting.tell(resolve, reject, done(this.#waiting.message(draft, now), draft), !buffered)
      this.#startEarly()
    })
  }

  /** All or none, in this order, in one frame. */
  appendAll<D extends Draft, T>(drafts: readonly D[], done: Done<D, T>, buffered = false): Promise<T[]> {
    return new Promise<T[]>((resolve, reject) => {
      this.#open()
      if (drafts.length === 0) return resolve([])
      const made = this.#waiting.messages(drafts).map((id, i) => done(id, drafts[i]!))
      this.#waiting.tell(resolve, reject, made, !buffered)
      this.#startEarly()
    })
  }

  /** A mark; many share one frame. */
  appendMark(mark: object): Promise<void> {
    return this.appendEntry(encodeMark(mark))
  }

  /** One entry as it is. `written` is called in the turn of the loop in which its commit ends. */
  appendEntry(entry: Buffer, written?: () => void): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      this.#open()
      this.#waiting.entry(entry)
      this.#waiting.tell(written === undefined ? resolve : () => resolve(written()), reject, undefined, true)
      this.#start()
    })
  }

  /** Whole entries as they came, in a frame of their own. Resolves with where they lie. */
  appendRange(
    range: { source?: Source; entries: Uint8Array[]; count: number; kind?: 'data' | 'skip' },
    written?: (place: Place) => void
  ): Promise<Place> {
    return new Promise<Place>((resolve, reject) => {
      this.#open()
      const { kind = 'data', source, count, entries } = range
      const frame = this.#waiting.range({ kind, source, count, payload: entries })
      const told = (place: Place) => {
        written?.(place)
        resolve(place)
      }
      this.#waiting.tell(told, reject, frame, true)
      this.#start()
    })
  }

  /**
   * Makes ready, ahead of them, for so many bytes, which then need not wait for folders, names and room; what is appended
   * meanwhile waits for it as for a commit. When that fails, the append will say why.
   */
  async prepare(bytes: number): Promise<void> {
    this.#open()
    if (this.#running !== undefined) return
    this.#running = this.#prepare(bytes)
    await this.#running
  }

  /** The next commit ends the segment, whatever its length, and begins another. */
  rotate(): void {
    this.#rotate = true
  }

  /** Lets the segment go as it is, for good: its file is to be removed. False, and nothing done, while something is on its way. */
  leave(): boolean {
    if (this.#running !== undefined || this.#waiting.bytes > 0) return false
    this.#closed = true
    void this.#segment?.close()
    this.#segment = undefined
    this.#unsealed = false
    return true
  }

  /** Commits what waits and seals the segment. Later appends reject with CLOSED. */
  async close(): Promise<void> {
    this.#closed = true
    while (this.#running !== undefined || this.#waiting.bytes > 0) {
      this.#running ??= this.#run()
      await this.#running
    }
    // A segment that was left after a failure has no seal: the next one tells for both that this writer is done.
    const left = this.#segment === undefined && this.#unsealed && this.#options.endsWithSeal === true
    try {
      if (left) this.#segment = await SegmentFile.create(this.#options)
      const segment = this.#segment
      this.#segment = undefined
      await segment?.seal(await this.#options.onSeal?.(segment.n), left)
    } catch (error) {
      throw diskError(error, `end ${this.#options.folder}`)
    }
  }

  #open(): void {
    if (this.#closed) throw new DroprError('CLOSED', `${this.#options.folder} takes nothing more`)
  }

  /** Commits at the end of this turn, with all that it still appends; or now, when enough waits. */
  #startEarly(): void {
    if (this.#waiting.bytes >= this.#rhythm.earlyBytes && this.#running === undefined) this.#running = this.#run()
    else this.#start(true)
  }

  /** Commits what all append who are heard in this round of the loop: each socket is a turn of its own. */
  #start(atTurnEnd = false): void {
    if (this.#running !== undefined || this.#starting) return
    this.#starting = true
    if (atTurnEnd) void TURN_END.then(this.#begin)
    else this.#options.system.clock.soon(this.#begin)
  }

  readonly #begin = () => {
    this.#starting = false
    if (this.#running === undefined && this.#waiting.bytes > 0) this.#running = this.#run()
  }

  async #prepare(bytes: number): Promise<void> {
    try {
      if (this.#segment === undefined) {
        this.#segment = await SegmentFile.create(this.#options)
        this.#unsealed = true
      }
      await this.#segment.prepare(bytes)
    } catch {
      const failed = this.#segment
      this.#segment = undefined
      await failed?.close()
    }
    this.#running = undefined
    if (this.#waiting.bytes > 0) this.#start(true)
  }

  /** Commits while what waits is to go at once. Never rejects: those who wait are told. */
  async #run(): Promise<void> {
    const { clock } = this.#options.system
    let goesOn = true
    for (let commit = this.#waiting.take(); commit !== undefined; commit = goesOn ? this.#waiting.take() : undefined) {
      let places: Place[]
      const began = clock.ticks()
      try {
        places = await this.#commit(commit)
      } catch (error) {
        this.#fail(commit, diskError(error, `write to ${this.#segment?.path ?? this.#options.folder}`))
        continue
      } finally {
        this.#waiting.reuse(commit)
      }
      const { bytes, synced } = commit
      const ms = clock.ticks() - began
      if (POINTS.commit.on) POINTS.commit.publish({ path: places[0]!.path, bytes, synced, ms })
      this.#options.onCommit?.({ path: places[0]!.path, n: places[0]!.n, end: this.#segment!.bytes })
      tellAll(commit, places)
      goesOn = this.#rhythm.written(bytes, ms, this.#waiting.bytes)
      this.#rhythm.told(bytes)
    }
    this.#running = undefined
    if (this.#waiting.bytes > 0) this.#start()
  }

  async #commit(commit: Commit): Promise<Place[]> {
    const { limits, segmentFramesMax = Number.POSITIVE_INFINITY } = this.#options
    const full = this.#segment
    const enough =
      this.#rotate || (full?.bytes ?? 0) >= limits.segmentBytesMax || (full?.frames ?? 0) >= segmentFramesMax
    this.#rotate = false
    if (full !== undefined && enough) {
      this.#segment = undefined
      await full.seal(await this.#options.onSeal?.(full.n))
      this.#unsealed = false
    }
    if (this.#segment === undefined) {
      this.#segment = await SegmentFile.create(this.#options)
      this.#unsealed = true
    }
    const begun = this.#segment.bytes > 0
    const writing = this.#segment.write(commit)
    if (begun && commit.synced && commit.bytes <= SMALL_BYTES_MAX) this.#options.onWriting?.(this.#segment.path)
    return writing
  }

  #fail(commit: Commit, error: DroprError): void {
    const failed = this.#segment
    this.#segment = undefined
    void failed?.close()
    const behind = this.#waiting.take()
    this.#options.onFail?.()
    for (const { waiters } of behind === undefined ? [commit] : [commit, behind])
      for (let i = 1; i < waiters.length; i += 3) (waiters[i] as (error: DroprError) => void)(error)
  }
}
