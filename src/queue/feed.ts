import { DroprError } from '../errors.ts'
import type { System } from '../system/system.ts'
import { nextBatch } from './batch-size.ts'
import type { HeldMessage } from './held-message.ts'
import type { Intake } from './intake.ts'
import type { Batch } from './part.ts'

/** How long one claim waits for something to come; then the next one does. */
const WAIT_MS = 30_000
/** Bodies held for handlers that have not started. */
const BATCH_BYTES_MAX = 2_097_152
/** After a claim that failed: doubles. */
const AGAIN_MS_MIN = 100
const AGAIN_MS_MAX = 10_000

export interface FeedOptions {
  intake: Intake
  system: System
  channels: string[]
  leaseMs: number | undefined
  concurrency: number
  /** There is something to take, or the feed has closed. */
  onMore: () => void
}

/** Batches at hand and asked for: while one answer is on its way here, another claim waits where the messages arrive. */
const CLAIMS_MAX = 2

/**
 * Keeps messages at hand for handlers: the next batch is claimed while the one before is worked on, in a size that follows
 * the speed of the handlers. Leases are renewed until every message of theirs has its verdict.
 */
export class Feed {
  readonly #options: FeedOptions
  readonly #batches: Batch[] = []
  readonly #closing = new AbortController()
  #asked: number
  /** Of the batch being handed over: when its first message was, and how many it had. */
  #begun = { ticks: 0, count: 0 }
  readonly #claims = new Set<Promise<void>>()
  #failed = 0

  constructor(options: FeedOptions) {
    this.#options = options
    this.#asked = options.concurrency
  }

  get closed(): boolean {
    return this.#closing.signal.aborted
  }

  /** The next message at hand. Undefined: `onMore` will say when there is one. */
  take(): HeldMessage | undefined {
    if (this.closed) return undefined
    for (let batch = this.#batches[0]; batch !== undefined; batch = this.#batches[0]) {
      const message = batch.next()
      if (this.#batches.length === 1 && batch.left <= this.#asked >>> 1) this.#claim()
      if (message !== undefined) return message
      this.#batches.shift()
      this.#usedUp()
    }
    this.#claim()
    return undefined
  }

  /** Claims nothing more and gives back what is at hand. */
  async close(): Promise<void> {
    this.#closing.abort()
    for (const batch of this.#batches.splice(0)) batch.release()
    await Promise.all(this.#claims)
  }

  /** Asks for more. After a failure only one claim is tried. */
  #claim(): void {
    const most = this.#failed > 0 ? 1 : CLAIMS_MAX
    while (!this.closed && this.#batches.length + this.#claims.size < most) {
      const claim = this.#claimed().finally(() => {
        this.#claims.delete(claim)
        this.#options.onMore()
      })
      this.#claims.add(claim)
    }
  }

  async #claimed(): Promise<void> {
    const { intake, channels, leaseMs, system } = this.#options
    const request = { channels, max: this.#asked, bytesMax: BATCH_BYTES_MAX, leaseMs, waitMs: WAIT_MS }
    try {
      const asked = system.clock.ticks()
      const batch = await intake.take(request, this.#closing.signal)
      this.#failed = 0
      // An owner that says so before its time must not be asked in a circle.
      if (batch === undefined && system.clock.ticks() - asked < AGAIN_MS_MIN)
        await system.clock.sleep(AGAIN_MS_MIN, this.#closing.signal)
      if (batch === undefined) return
      if (this.closed) return batch.release()
      intake.renewer.add(batch.lease)
      this.#batches.push(batch)
      if (this.#batches.length === 1) this.#begin(batch)
    } catch (error) {
      if (error instanceof DroprError && error.code === 'CLOSED') this.#closing.abort()
      if (this.closed) return
      const code = error instanceof DroprError ? error.code : 'UNEXPECTED'
      system.log.warn({ code, channels, error: String(error) }, 'cannot claim messages; trying again')
      const ms = Math.min(AGAIN_MS_MIN * 2 ** Math.min(this.#failed++, 10), AGAIN_MS_MAX)
      await system.clock.sleep(Math.round(ms * (0.5 + system.random.next() / 2)), this.#closing.signal)
    }
  }

  #begin(batch: Batch): void {
    this.#begun = { ticks: this.#options.system.clock.ticks(), count: batch.left }
  }

  #usedUp(): void {
    const { ticks, count } = this.#begun
    const { concurrency, system } = this.#options
    // A batch that was not full says nothing: there was no more.
    if (count >= this.#asked) {
      this.#asked = nextBatch({ asked: this.#asked, tookMs: system.clock.ticks() - ticks }, concurrency)
    }
    const next = this.#batches[0]
    if (next !== undefined) this.#begin(next)
  }
}
