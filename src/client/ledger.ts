import type { Refusal } from '../wire/upload.ts'
import { type Failure, localFailure } from './failure.ts'

/** What writes things down for a ledger; both resolve when it is on disk. */
export interface LedgerBook {
  /** Copies refused messages to the dead letters. `refusals` in order of position. */
  copyRefused(refusals: readonly Refusal[]): Promise<void>
  /** The peer has this stream up to `next`. */
  record(next: number): Promise<void>
  /** Waits before a failed write is tried again: `failed` times so far. */
  wait(failed: number): Promise<void>
  /** Lets some time pass between two writes, or less when `signal` aborts. */
  rest(signal: AbortSignal): Promise<void>
  /** Something was settled, or writing it down failed. */
  changed(): void
}

/**
 * Writes down what one stream's answers said, off the way of the uploads: refused messages to the dead letters first, then how
 * far the peer is. One write at a time, then a rest, since nobody waits for it; what is learned meanwhile goes with the next.
 */
export class Ledger {
  readonly #book: LedgerBook
  /** What the peer said last. */
  #next: number
  /** What is on disk. */
  #recorded: number
  /** Refusals below this are in the dead letters. */
  #copiedTo: number
  /** Counts how often the peer fell back: what was begun before must not be taken for news. */
  #era = 0
  #refused = new Map<number, Refusal>()
  #writing: Promise<void> | undefined
  #resting: Promise<void> | undefined
  #failed = 0
  #failure: Failure | undefined
  readonly #closing = new AbortController()

  /** @param recorded What was on disk when this began. */
  constructor(book: LedgerBook, recorded: number) {
    this.#book = book
    this.#next = recorded
    this.#recorded = recorded
    this.#copiedTo = recorded
  }

  /** Up to here everything the peer said is on disk: refusals below need not be repeated. */
  get settled(): number {
    return Math.min(this.#recorded, this.#next)
  }

  /** Why writing fails, while it does: no use in uploading more. */
  get failure(): Failure | undefined {
    return this.#failure
  }

  /** Refusals are being written down. The peer repeats them until then, and an answer holds only so many: better wait. */
  get refusing(): boolean {
    return this.#refused.size > 0
  }

  /** Everything noted is on disk. */
  get idle(): boolean {
    return this.#writing === undefined
  }

  /**
   * The peer has the stream up to `next`, without what it refused. An answer names every refusal from the `settled` of its
   * request to its `next`; repeats are known here.
   *
   * @returns How many refusals are new.
   */
  note(next: number, refused: readonly Refusal[]): number {
    let news = 0
    for (const refusal of refused) {
      if (refusal.at < this.#copiedTo || refusal.at >= next || this.#refused.has(refusal.at)) continue
      this.#refused.set(refusal.at, refusal)
      news++
    }
    if (next > this.#next) this.#next = next
    this.#start()
    return news
  }

  /** The peer lost what it had from `next` on: it will decide again, and its refusals count again. */
  lower(next: number): void {
    this.#era++
    this.#next = next
    this.#copiedTo = Math.min(this.#copiedTo, next)
    for (const at of this.#refused.keys()) if (at >= next) this.#refused.delete(at)
    this.#start()
  }

  /** Resolves when everything noted is on disk, or its last try has failed. */
  async close(): Promise<void> {
    this.#closing.abort()
    await this.#writing
  }

  #start(): void {
    if (this.#writing !== undefined || this.#done) return
    this.#writing = this.#write().finally(() => {
      this.#writing = undefined
      if (this.#failure === undefined) this.#start()
      this.#book.changed()
    })
  }

  get #done(): boolean {
    return this.#next === this.#recorded && this.#refused.size === 0
  }

  async #write(): Promise<void> {
    if (this.#resting !== undefined) await this.#resting
    while (!this.#done) {
      try {
        await this.#writeOnce()
        this.#failed = 0
        this.#failure = undefined
      } catch (error) {
        this.#failure = localFailure(error, 'record what the peer stored')
        this.#failed++
        this.#book.changed()
        if (this.#closing.signal.aborted) return
        await this.#book.wait(this.#failed)
      }
    }
    const resting = this.#book.rest(this.#closing.signal).then(() => {
      if (this.#resting === resting) this.#resting = undefined
    })
    this.#resting = resting
  }

  async #writeOnce(): Promise<void> {
    const era = this.#era
    const next = this.#next
    const refusals = [...this.#refused.values()].sort((a, b) => a.at - b.at)
    const uncopied = refusals.filter(({ at }) => at >= this.#copiedTo)
    if (uncopied.length > 0) await this.#book.copyRefused(uncopied)
    if (era === this.#era) this.#copiedTo = next
    await this.#book.record(next)
    this.#recorded = next
    for (const refusal of refusals) if (this.#refused.get(refusal.at) === refusal) this.#refused.delete(refusal.at)
  }
}
