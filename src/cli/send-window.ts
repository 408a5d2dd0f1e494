import { DroprError } from '../errors.ts'
import type { Body } from '../message.ts'
import type { BodySource } from '../queue/body-source.ts'
import type { Queue } from '../queue/queue.ts'
import type { Receipt } from '../queue/receipt.ts'
import type { SendOptions } from '../queue/send-options.ts'
import type { Output } from './output.ts'
import type { Progress } from './progress.ts'
import { UsageError } from './usage-error.ts'

/** Messages, and bytes of them, that may be on their way to the disk at once. */
const MESSAGES_MAX = 4_096
const BYTES_MAX = 16_777_216

export interface SendWindowOptions {
  queue: Pick<Queue, 'sendMessage'>
  options: SendOptions
  out: Output
  quiet: boolean
  /** Told of what is on the disk. */
  progress?: Progress
}

/**
 * Sends one after the other without waiting for the disk in between, and prints each id once its message is there, in order.
 *
 * After a failure nothing more is sent; what was on its way by then may be there, and its ids are printed.
 */
export class SendWindow {
  readonly #options: SendWindowOptions
  #under: { sent: Promise<Receipt>; bytes: number }[] = []
  #messages = 0
  #bytes = 0
  #printed = 0
  #printing: Promise<void> | undefined
  #failed: Error | undefined
  #said = false

  constructor(options: SendWindowOptions) {
    this.#options = options
  }

  /** Resolves when there is room for the next. Rejects when an earlier one failed. */
  async send(body: (Body & (string | Uint8Array)) | BodySource, more: Pick<SendOptions, 'kind'> = {}): Promise<void> {
    if (this.#failed !== undefined) throw this.#failed
    const sent = this.#give(body, more)
    const bytes = typeof body === 'string' || body instanceof Uint8Array ? body.length : 0
    // Seen by #print; without this a rejection before that would end the process.
    sent.catch(() => undefined)
    this.#under.push({ sent, bytes })
    this.#messages++
    this.#bytes += bytes
    this.#printing ??= this.#print()
    if (this.#messages >= MESSAGES_MAX || this.#bytes >= BYTES_MAX) await this.#printing
  }

  /** Resolves when all are on the disk and printed. */
  async end(): Promise<void> {
    await this.#printing
    if (this.#failed !== undefined) throw this.#failed
  }

  #give(body: Body | BodySource, more: Pick<SendOptions, 'kind'>): Promise<Receipt> {
    try {
      return this.#options.queue.sendMessage(body, { ...this.#options.options, ...more })
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async #print(): Promise<void> {
    while (this.#under.length > 0 && this.#failed === undefined) {
      const batch = this.#under.splice(0)
      const ends = await Promise.allSettled(batch.map(one => one.sent))
      this.#messages -= batch.length
      this.#bytes -= batch.reduce((sum, one) => sum + one.bytes, 0)
      const receipts = ends.flatMap(end => (end.status === 'fulfilled' ? [end.value] : []))
      const at = ends.findIndex(end => end.status === 'rejected')
      if (at >= 0) this.#failed = this.#failure(ends[at] as PromiseRejectedResult, this.#printed + at + 1)
      this.#printed += receipts.length
      this.#options.progress?.advance(receipts.length)
      await this.#write(receipts).catch(error => {
        this.#failed ??= asError(error)
      })
    }
    this.#printing = undefined
  }

  async #write(receipts: Receipt[]): Promise<void> {
    const { out, quiet } = this.#options
    if (quiet || receipts.length === 0) return
    const lines = receipts.map(receipt => (out.json ? JSON.stringify(receipt) : receipt.id))
    await out.line(lines.join('\n'))
    const due = receipts[0]?.dueAt
    if (due !== undefined && !this.#said && !out.json) out.note(`due ${due}`)
    this.#said = true
  }

  /** @param n Which message, from 1. */
  #failure(end: PromiseRejectedResult, n: number): Error {
    const error: unknown = end.reason
    const where = n === 1 ? '' : `message ${n}: `
    if (error instanceof TypeError) return new UsageError(`${where}${error.message}`, { cause: error })
    if (error instanceof DroprError && n > 1) return new DroprError(error.code, `${where}${error.message}`, error)
    return asError(error)
  }
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown))
}
