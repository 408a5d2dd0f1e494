import { type DroprError, diskError } from '../errors.ts'
import { POINTS } from '../system/points.ts'
import { heard } from './heard.ts'
import type { JournalWriterOptions } from './journal-writer-options.ts'
import { Rhythm } from './rhythm.ts'
import { type Place, SegmentFile } from './segment-file.ts'
import { type Commit, tellAll, type Waiting } from './waiting.ts'

/** Of a commit that readers are told of while it is on its way. */
const SMALL_BYTES_MAX = 4_096
/** What follows it runs when the code that runs now is done, at a third of what `queueMicrotask` costs. */
const TURN_END = Promise.resolve()

interface Landed {
  places: Place[]
  ms: number
}

/** Brings what waits to the disk, commit by commit, and tells those who wait. */
export class Commits {
  readonly #options: JournalWriterOptions
  readonly #waiting: Waiting
  readonly #rhythm: Rhythm
  #segment: SegmentFile | undefined
  #running: Promise<void> | undefined
  /** The newest commit of those. */
  #flight: Promise<unknown> | undefined
  /** A commit of marks that began while one of marks was on its way. */
  #beside: Promise<void> | undefined
  /** On their way to the disk, in their order. */
  readonly #flying = new Set<Commit>()
  #starting = false
  /** The newest segment that was begun has no seal. */
  #unsealed = false
  #rotate = false

  constructor(options: JournalWriterOptions, waiting: Waiting) {
    this.#options = options
    this.#waiting = waiting
    this.#rhythm = new Rhythm(options.system.clock)
  }

  get stream(): string | undefined {
    return this.#segment?.head.stream
  }

  /** JournalWriter.prepare. */
  async prepare(bytes: number): Promise<void> {
    if (this.#running !== undefined || this.#beside !== undefined) return
    this.#running = this.#prepare(bytes)
    await this.#running
  }

  /** The next commit goes into another segment. */
  rotate(): void {
    this.#rotate = true
  }

  /** JournalWriter.leave. */
  leave(): boolean {
    if (this.#running !== undefined || this.#beside !== undefined || this.#waiting.bytes > 0) return false
    void this.#segment?.close()
    this.#segment = undefined
    this.#unsealed = false
    return true
  }

  /** JournalWriter.close: nothing is appended any more. */
  async close(): Promise<void> {
    for (;;) {
      if (this.#waiting.bytes > 0) this.#running ??= this.#run()
      if (this.#running === undefined && this.#beside === undefined) break
      await this.#running
      await this.#beside
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

  /** Commits at the end of this turn, with all that it still appends; or now, when enough waits. */
  startEarly(): void {
    if (this.#waiting.bytes >= this.#rhythm.earlyBytes && this.#running === undefined) this.#running = this.#run()
    else this.start(true)
  }

  /** Commits what all append who are heard in this round of the loop: each socket is a turn of its own. */
  start(atTurnEnd = false): void {
    if (this.#starting || (this.#running !== undefined && !this.#mayOverlap)) return
    this.#starting = true
    if (atTurnEnd) void TURN_END.then(this.#begin)
    else this.#options.system.clock.soon(this.#begin)
  }

  readonly #begin = () => {
    this.#starting = false
    if (this.#waiting.bytes === 0) return
    if (this.#running === undefined) this.#running = this.#run()
    else if (this.#mayOverlap) this.#beside = this.#runBeside()
  }

  /** Only marks with marks: who reads on behind a commit that is not there yet misses no message. */
  get #mayOverlap(): boolean {
    if (this.#options.overlap !== true || this.#beside !== undefined) return false
    const [first] = this.#flying
    const marks = first?.frames.every(({ joined }) => joined) === true && this.#waiting.isJoined
    return marks && !this.#isFull && this.#segment?.mayOverlap() === true
  }

  get #isFull(): boolean {
    const { limits, segmentFramesMax = Number.POSITIVE_INFINITY } = this.#options
    const { bytes = 0, frames = 0 } = this.#segment ?? {}
    return (
      this.#segment !== undefined && (this.#rotate || bytes >= limits.segmentBytesMax || frames >= segmentFramesMax)
    )
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
    if (this.#waiting.bytes > 0) this.start(true)
  }

  /** Commits while what waits is to go at once. Never rejects: those who wait are told. */
  async #run(): Promise<void> {
    for (let goesOn = true; goesOn; ) {
      if (this.#isFull && this.#beside !== undefined) await this.#beside
      const commit = this.#waiting.take()
      if (commit === undefined) break
      const flight = this.#fly(commit, this.#beside)
      this.#flight = flight
      const landed = await flight
      // At once, before those who are told append again.
      goesOn = landed === undefined || this.#tell(commit, landed)
    }
    this.#running = undefined
    if (this.#waiting.bytes > 0) this.start()
  }

  async #runBeside(): Promise<void> {
    const commit = this.#waiting.take()!
    const landed = await this.#fly(commit, this.#flight, true)
    if (landed !== undefined) this.#tell(commit, landed)
    this.#beside = undefined
    if (this.#waiting.bytes > 0) this.start()
  }

  /** Writes a commit, and waits for `before`. Undefined when one of them failed: those who wait have been told. Never rejects. */
  async #fly(commit: Commit, before: Promise<unknown> | undefined, beside = false): Promise<Landed | undefined> {
    const { clock } = this.#options.system
    const began = clock.ticks()
    this.#flying.add(commit)
    const written = await this.#commit(commit, beside).catch((error: unknown) => ({ error }))
    this.#waiting.reuse(commit)
    if (before !== undefined) await before
    // Who was just told of the one before has done his part first: what fails now is not to take that back.
    if ('error' in written && before !== undefined) await heard()
    if (!this.#flying.has(commit)) return undefined
    if ('error' in written) {
      this.#fail(diskError(written.error, `write to ${this.#segment?.path ?? this.#options.folder}`))
      return undefined
    }
    this.#flying.delete(commit)
    return { places: written, ms: clock.ticks() - began }
  }

  /** True when what waits is to go at once. */
  #tell(commit: Commit, { places, ms }: Landed): boolean {
    const { bytes, synced } = commit
    const { path, n } = places[0]!
    if (POINTS.commit.on) POINTS.commit.publish({ path, bytes, synced, ms })
    this.#options.onCommit?.({ path, n, end: this.#segment!.bytes })
    tellAll(commit, places)
    const goesOn = this.#rhythm.written(bytes, ms, this.#waiting.bytes)
    this.#rhythm.told(bytes)
    return goesOn
  }

  async #commit(commit: Commit, beside: boolean): Promise<Place[]> {
    const full = this.#isFull ? this.#segment : undefined
    this.#rotate = false
    if (full !== undefined) {
      this.#segment = undefined
      await full.seal(await this.#options.onSeal?.(full.n))
      this.#unsealed = false
    }
    if (this.#segment === undefined) {
      this.#segment = await SegmentFile.create(this.#options)
      this.#unsealed = true
    }
    const begun = this.#segment.bytes > 0
    const writing = this.#segment.write(commit, beside)
    if (begun && commit.synced && commit.bytes <= SMALL_BYTES_MAX) this.#options.onWriting?.(this.#segment.path)
    return writing
  }

  /** What is on its way behind the first of them relies on it, and what waits as well. */
  #fail(error: DroprError): void {
    const failed = this.#segment
    this.#segment = undefined
    void failed?.close()
    const behind = this.#waiting.take()
    const all = behind === undefined ? [...this.#flying] : [...this.#flying, behind]
    this.#flying.clear()
    this.#options.onFail?.()
    for (const { waiters } of all)
      for (let i = 1; i < waiters.length; i += 3) (waiters[i] as (error: DroprError) => void)(error)
  }
}
