import type { Readable } from 'node:stream'
import { DroprError } from '../errors.ts'
import { decodeMessage } from '../journal/entry.ts'
import type { Body, BodyKind, Headers, JsonValue, Stored } from '../message.ts'
import type { Verdict } from '../server/inbox-port.ts'
import { checkResult } from './ack-result.ts'
import { type BodyAt, bodyInMemory, bodyStream, type LargeBody, largeBodyOf, saveBody } from './body-reader.ts'
import { parseJson } from './json.ts'
import type { Message } from './message.ts'
import { checkDuration, checkOptions, type Duration } from './options.ts'
import type { Part } from './part.ts'
import type { Receipt } from './receipt.ts'
import type { Answered, ReplyOptions } from './reply.ts'
import { checkAfter, checkReason } from './verdict-words.ts'
import { type Asker, SAYS_NOTHING, type Said } from './verdicts.ts'

const RETRY = new Set(['after', 'reason'])
const RELEASE = new Set(['after'])
const NOTHING = Buffer.alloc(0)
const NO_OFFSETS = new Uint32Array(0)

/** Decodes nothing before it is asked for: a consumer that only counts pays for nothing else. */
export class HeldMessage implements Message, Asker {
  #part: Part
  readonly #index: number
  #stored: Stored | undefined
  #given: Verdict['verdict'] | undefined
  #answer: Promise<void> | undefined
  #controller: AbortController | undefined
  #value: JsonValue | undefined
  /** Once the rest is let go. */
  #id: string | undefined
  #answered: Answered | undefined

  constructor(part: Part, index: number) {
    this.#part = part
    this.#index = index
  }

  get id(): string {
    return this.#id ?? this.#decoded().id
  }

  get channel(): string {
    return this.#part.run.channel
  }

  get priority(): number {
    return this.#part.run.priority
  }

  get kind(): BodyKind {
    return this.#decoded().kind
  }

  get body(): string | Buffer | JsonValue {
    const { kind } = this.#decoded()
    return kind === 'text' ? this.text() : kind === 'bytes' ? this.bytes() : this.json()
  }

  text(): string {
    return bodyInMemory(this.#decoded()).toString()
  }

  json(): JsonValue {
    this.#value ??= parseJson(this.text())
    return this.#value
  }

  bytes(): Buffer {
    return Buffer.from(bodyInMemory(this.#decoded()))
  }

  get size(): number {
    const { blob, body } = this.#decoded()
    return blob?.bytes ?? body.length
  }

  get large(): boolean {
    return this.#decoded().blob !== undefined
  }

  stream(): Readable {
    return bodyStream(this.#bodyAt())
  }

  async saveTo(path: string): Promise<number> {
    if (typeof path !== 'string' || path === '') throw new TypeError('saveTo takes the path of a file')
    return await saveBody(this.#bodyAt(), path)
  }

  get headers(): Headers {
    return this.#decoded().headers
  }

  get key(): string | undefined {
    return this.#decoded().key
  }

  get from(): string {
    return this.#part.run.node
  }

  get sentAt(): number {
    return this.#decoded().sentAt
  }

  get expiresAt(): number | undefined {
    return this.#decoded().expiresAt
  }

  get receivedAt(): number {
    return this.#part.run.receivedAt
  }

  get attempt(): number {
    return 1 + this.#part.run.attempts
  }

  get deliveries(): number {
    return this.#part.run.deliveries
  }

  get redelivered(): boolean {
    return this.deliveries > 1
  }

  get leaseUntil(): number {
    return this.#part.lease.until
  }

  get signal(): AbortSignal {
    this.#controller ??= this.#part.lease.controller(this.#part.clock)
    return this.#controller.signal
  }

  ack(result?: JsonValue): Promise<void> {
    return this.#give('ack', result === undefined ? SAYS_NOTHING : () => ({ result: checkResult(result) }))
  }

  retry(options?: { after?: Duration; reason?: string }): Promise<void> {
    return this.#give('retry', () => {
      if (options === undefined) return {}
      checkOptions(options, RETRY, 'retry')
      return { afterMs: checkAfter(options.after), reason: checkReason(options.reason) }
    })
  }

  release(options?: { after?: Duration }): Promise<void> {
    return this.#give('release', () => {
      if (options === undefined) return {}
      checkOptions(options, RELEASE, 'release')
      return { afterMs: checkAfter(options.after) }
    })
  }

  reject(reason: string): Promise<void> {
    return this.#give('reject', () => {
      if (reason === undefined) throw new TypeError('reject takes a reason')
      return { reason: checkReason(reason) }
    })
  }

  async extend(lease?: Duration): Promise<void> {
    const held = this.#part.lease
    const ms = lease === undefined ? held.ms : checkDuration(lease, 'lease', 100)
    if (this.#given !== undefined || held.lost) throw this.#tooLate('cannot be extended')
    if (await this.#part.verdicts.extend(held, ms)) return
    throw this.#tooLate('cannot be extended: its lease is over')
  }

  reply(body: Body, options?: ReplyOptions): Promise<Receipt> {
    return this.#part.reply(this.#answered ?? this.#answeredHere(), body, options)
  }

  /** Keeps only what a verdict or a reply needs: for whoever has handed the content on and waits for word, perhaps for hours. Gives a large body, which it may read again. */
  letGo(): LargeBody | undefined {
    const body = largeBodyOf(this.#bodyAt())
    this.#id = this.id
    this.#answered = this.#answeredHere()
    this.#part = { ...this.#part, bytes: NOTHING, offsets: NO_OFFSETS }
    this.#stored = undefined
    this.#value = undefined
    return body
  }

  /** The verdict of the library itself, unless one was given: nobody waits for it. */
  settle(verdict: Verdict['verdict'], said?: Said): void {
    if (this.#given !== undefined) return
    this.#given = verdict
    this.#part.verdicts.quiet(this.#part, this.#index, verdict, said)
  }

  /** The time to finish is over: tells the handler and gives the message back. */
  abandon(): void {
    this.settle('release')
    this.#controller?.abort(new Error('the consumer stopped'))
  }

  /** Not stored, and not too late: it may be said again. A failure that nobody waits for is logged, never a crash. */
  failed(error: DroprError): void {
    this.#answer?.catch(() => undefined)
    if (error.code === 'LEASE_LOST') return
    this.#given = undefined
    this.#answer = undefined
  }

  #give(verdict: Verdict['verdict'], say: Said | (() => Said)): Promise<void> {
    try {
      const said = typeof say === 'function' ? say() : say
      if (this.#given !== undefined && this.#given !== verdict) {
        return Promise.reject(this.#tooLate(`got the verdict ${this.#given} before ${verdict}`))
      }
      // Told twice is answered, and counted, twice.
      if (this.#given !== undefined && this.#answer === undefined) this.#part.lease.open++
      this.#given = verdict
      this.#answer ??= this.#part.verdicts.give(this.#part, this.#index, verdict, said, this)
      return this.#answer
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #decoded(): Stored {
    this.#stored ??= decodeMessage(this.#part.bytes, this.#part.offsets[this.#index]!)
    return this.#stored
  }

  #answeredHere(): Answered {
    const { id, from, headers } = this
    const { stream, from: first } = this.#part.run
    return { id, from, headers, stream, position: first + this.#index }
  }

  #bodyAt(): BodyAt {
    const { files, run } = this.#part
    const { path, stream, from } = run
    return { files, stored: this.#decoded(), path, stream, position: from + this.#index }
  }

  #tooLate(what: string): DroprError {
    return new DroprError('LEASE_LOST', `message ${this.id} ${what}`)
  }
}
