import type { Source } from '../journal/frame.ts'
import { JournalWriter, type JournalWriterOptions } from '../journal/journal-writer.ts'
import type { Place } from '../journal/segment-file.ts'
import type { VoidMark } from './inbox-marks.ts'

type Undo = () => void

/**
 * The journal of one channel, with memory that follows the disk.
 *
 * What is assumed when something is appended is taken back the moment its commit fails, the latest first, before anybody
 * is told and before anything else is appended. The next segment then begins with a mark that the failed commit, of which
 * anything may be on the disk, never happened: else a later owner could find there what was decided otherwise since.
 */
export class InboxJournal {
  readonly #writer: JournalWriter
  readonly #undos = new Set<Undo>()
  #good: { n: number; end: number }
  #voids = false

  /** @param options.after Number of the newest segment that was there before. */
  constructor(options: Omit<JournalWriterOptions, 'onCommit' | 'onFail'> & { after: number }) {
    this.#good = { n: options.after + 1, end: 0 }
    this.#writer = new JournalWriter({
      ...options,
      onCommit: ({ n, end }) => {
        this.#good = { n, end }
      },
      onFail: () => this.#failed()
    })
  }

  /** Where the last commit that is known to be good ended. */
  get good(): { n: number; end: number } {
    return this.#good
  }

  /** Resolves when synced; on failure `undo` has run before it rejects. */
  range(
    range: { source?: Source; entries: Uint8Array[]; count: number; kind?: 'data' | 'skip' },
    undo: Undo = nothing
  ): Promise<Place> {
    return this.#append(() => this.#writer.appendRange(range), undo)
  }

  /** Resolves when synced; on failure `undo` has run before it rejects. */
  mark(mark: object, undo: Undo = nothing): Promise<void> {
    return this.#append(() => this.#writer.appendMark(mark), undo)
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
    // A function of its own for each append: the same `undo` may be given twice.
    const mine = () => undo()
    this.#undos.add(mine)
    return append().then(
      value => {
        this.#undos.delete(mine)
        return value
      },
      (error: unknown) => {
        if (this.#undos.delete(mine)) undo()
        throw error
      }
    )
  }

  #void(): void {
    this.#voids = false
    const mark: VoidMark = { m: 'void', n: this.#good.n, at: this.#good.end }
    this.#writer.appendMark(mark).catch(() => undefined)
  }

  #failed(): void {
    this.#voids = true
    const undos = [...this.#undos].reverse()
    this.#undos.clear()
    for (const undo of undos) undo()
  }
}

function nothing(): void {}
