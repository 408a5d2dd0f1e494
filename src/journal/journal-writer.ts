import { DroprError } from '../errors.ts'
import type { Done, Draft } from '../message.ts'
import { Blocks } from './blocks.ts'
import { Commits } from './commits.ts'
import { encodeMark } from './entry.ts'
import type { Source } from './frame.ts'
import type { JournalWriterOptions } from './journal-writer-options.ts'
import type { Place } from './segment-file.ts'
import { Waiting } from './waiting.ts'

/**
 * Appends to a journal folder, as its only writer by that name.
 *
 * Group commit: all that is appended while a write runs shares the next one; a lone append starts one at once. A promise
 * resolves when its bytes, the file's name and all folders above are synced; it rejects with a DroprError when they may not
 * be, in which case the entry may or may not be there. After a failure all that waits rejects with it (what was appended
 * behind something relies on it), the segment is left and the next one opened.
 * Where it is asked for, marks may be on their way in two commits at once: in their order they are told of, or fail.
 */
export class JournalWriter {
  readonly #folder: string
  readonly #waiting: Waiting
  readonly #commits: Commits
  #closed = false

  constructor(options: JournalWriterOptions) {
    this.#folder = options.folder
    this.#waiting = new Waiting(options.ids, options.blocks ?? new Blocks())
    this.#commits = new Commits(options, this.#waiting)
  }

  /** The stream being written, once there is one. */
  get stream(): string | undefined {
    return this.#commits.stream
  }

  /** Resolves with `done(id, draft)`. `buffered`: in the page cache is enough. `now`: wall ms, from who has just looked at the clock. */
  append<D extends Draft, T>(draft: D, done: Done<D, T>, buffered = false, now?: number): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#open()
      this.#waiting.tell(resolve, reject, done(this.#waiting.message(draft, now), draft), !buffered)
      this.#commits.startEarly()
    })
  }

  /** All or none, in this order, in one frame. */
  appendAll<D extends Draft, T>(drafts: readonly D[], done: Done<D, T>, buffered = false): Promise<T[]> {
    return new Promise<T[]>((resolve, reject) => {
      this.#open()
      if (drafts.length === 0) return resolve([])
      const made = this.#waiting.messages(drafts).map((id, i) => done(id, drafts[i]!))
      this.#waiting.tell(resolve, reject, made, !buffered)
      this.#commits.startEarly()
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
      this.#commits.start()
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
      this.#commits.start()
    })
  }

  /**
   * Makes ready, ahead of them, for so many bytes, which then need not wait for folders, names and room; what is appended
   * meanwhile waits for it as for a commit. When that fails, the append will say why.
   */
  async prepare(bytes: number): Promise<void> {
    this.#open()
    await this.#commits.prepare(bytes)
  }

  /** The next commit ends the segment, whatever its length, and begins another. */
  rotate(): void {
    this.#commits.rotate()
  }

  /** Lets the segment go as it is, for good: its file is to be removed. False, and nothing done, while something is on its way. */
  leave(): boolean {
    if (!this.#commits.leave()) return false
    this.#closed = true
    return true
  }

  /** Commits what waits and seals the segment. Later appends reject with CLOSED. */
  close(): Promise<void> {
    this.#closed = true
    return this.#commits.close()
  }

  #open(): void {
    if (this.#closed) throw new DroprError('CLOSED', `${this.#folder} takes nothing more`)
  }
}
