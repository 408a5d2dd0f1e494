import { encodeMark } from '../journal/entry.ts'
import type { Source } from '../journal/frame.ts'
import { heard } from '../journal/heard.ts'
import { JournalWriter } from '../journal/journal-writer.ts'
import type { JournalWriterOptions } from '../journal/journal-writer-options.ts'
import type { Place } from '../journal/segment-file.ts'
import { type InboxMark, inboxMark, type VoidMark } from './inbox-marks.ts'
import { type RangeFacts, SegmentLedger } from './segment-ledger.ts'

type Undo = () => void

/** Marks that must stand in the journal before anything else of it counts. */
export interface First {
  marks: () => object[]
  /** They are synced. */
  said: () => void
}

/** What a crash leaves unsealed is read frame by frame at the next start: so many take a tenth of a second. */
const SEGMENT_FRAMES_MAX = 16_384

/**
 * The journal of one channel, with memory that follows the disk.
 *
 * What is assumed when something is appended is taken back the moment its commit fails, the latest first, before anybody
 * is told and before anything else is appended. The next segment then begins with a mark that the failed commit, of which
 * anything may be on the disk, never happened: else a later owner could find there what was decided otherwise since.
 */
export class InboxJournal {
  readonly #make: (above: number) => JournalWriter
  #writer: JournalWriter
  readonly #undos = new Set<Undo>()
  #good: { n: number; end: number }
  #voids = false
  /** What was appended last: nothing before it is on its way once it is synced. */
  #latest: Promise<unknown> = Promise.resolve()
  #commits = 0
  #first: First | undefined
  #ledger: SegmentLedger
  readonly #now: () => number
  /** Makes the payload of a seal, once all that was committed is known to those who wait for it. */
  checkpoint: (ledger: SegmentLedger) => Buffer[] | undefined = () => undefined

  /** @param options.after Number of the newest segment that was there before. */
  constructor(options: Omit<JournalWriterOptions, 'onCommit' | 'onFail' | 'above'> & { after: number }) {
    this.#good = { n: options.after + 1, end: 0 }
    this.#ledger = new SegmentLedger(0)
    this.#now = () => options.system.clock.now()
    this.#make = above =>
      new JournalWriter({
        ...options,
        above,
        segmentFramesMax: SEGMENT_FRAMES_MAX,
        overlap: true,
        onSeal: n => this.#seal(n),
        onCommit: ({ n, end }) => {
          this.#commits++
          this.#good = { n, end }
          if (this.#ledger.n !== n) this.#ledger = new SegmentLedger(n)
        },
        onFail: () => this.#failed()
      })
    this.#writer = this.#make(options.after)
  }

  /** How often something was written, or failed to be. */
  get commits(): number {
    return this.#commits
  }

  /** What the next append is to come behind, whenever that is. */
  begin(first: First): void {
    this.#first = first
  }

  /**
   * Lets go of all segments up to number `above`: what comes later goes into one with a higher number.
   *
   * @returns False, and nothing is done, while something is on its way to the disk.
   */
  leave(above: number): boolean {
    if (!this.#writer.leave()) return false
    this.#writer = this.#make(above)
    return true
  }

  /** Where the last commit that is known to be good ended. */
  get good(): { n: number; end: number } {
    return this.#good
  }

  /** Resolves when synced; on failure `undo` has run before it rejects. */
  range(
    range: { source?: Source; entries: Uint8Array[]; count: number; kind?: 'data' | 'skip'; facts?: RangeFacts },
    undo: Undo = nothing
  ): Promise<Place> {
    const { source, facts } = range
    const written = (place: Place) => {
      if (source !== undefined) this.#ledger.range(source, place, facts)
    }
    return this.#append(() => this.#writer.appendRange(range, written), undo)
  }

  /** Resolves when synced; on failure `undo` has run before it rejects. */
  mark(mark: object, undo: Undo = nothing): Promise<void> {
    const known: InboxMark | undefined = inboxMark(mark)
    const written = () => {
      if (known !== undefined) this.#ledger.mark(known, this.#now())
    }
    return this.#append(() => this.#writer.appendEntry(encodeMark(mark), written), undo)
  }

  /**
   * Resolves when the disk holds what is assumed here, and nothing else: what is on its way is synced, and of what failed the
   * next owner finds that it never happened. Who answers that something is so already, and writes nothing, waits for this.
   */
  async certain(): Promise<void> {
    if (this.#voids) this.#void()
    await this.#latest
  }

  /** What is appended next goes into another segment. */
  rotate(): void {
    this.#writer.rotate()
  }

  /** The number of the newest segment: the one being written, or one before. */
  get newest(): number {
    return this.#good.n
  }

  close(): Promise<void> {
    return this.#writer.close()
  }

  #append<T>(append: () => Promise<T>, undo: Undo): Promise<T> {
    if (this.#voids) this.#void()
    if (this.#first !== undefined) this.#restate(this.#first)
    // A function of its own for each append: the same `undo` may be given twice.
    const mine = () => undo()
    this.#undos.add(mine)
    const written = append().then(
      value => {
        this.#undos.delete(mine)
        return value
      },
      (error: unknown) => {
        if (this.#undos.delete(mine)) undo()
        throw error
      }
    )
    this.#latest = written
    return written
  }

  async #seal(n: number): Promise<Buffer[]> {
    await heard()
    try {
      return (this.#ledger.n === n ? this.checkpoint(this.#ledger) : undefined) ?? []
    } catch {
      return []
    }
  }

  #void(): void {
    this.#voids = false
    const mark: VoidMark = { m: 'void', n: this.#good.n, at: this.#good.end }
    const written = this.#writer.appendMark(mark)
    written.catch(() => undefined)
    this.#latest = written
  }

  /** In one commit with what follows; until that is synced, it is to be said again. */
  #restate(first: First): void {
    this.#first = undefined
    Promise.all(first.marks().map(mark => this.mark(mark))).then(first.said, () => {
      this.#first ??= first
    })
  }

  #failed(): void {
    this.#commits++
    this.#voids = true
    const undos = [...this.#undos].reverse()
    this.#undos.clear()
    for (const undo of undos) undo()
  }
}

function nothing(): void {}
