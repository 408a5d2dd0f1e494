import type { Readable } from 'node:stream'
import type { Body, BodyKind, Headers, JsonValue } from '../message.ts'
import type { Duration } from './options.ts'
import type { Receipt } from './receipt.ts'
import type { ReplyOptions } from './reply.ts'

/** A message, leased to this process until a verdict is given or the lease ends. */
export interface Message {
  readonly id: string
  readonly channel: string
  readonly priority: number
  /** What the bytes of the body are. */
  readonly kind: BodyKind
  /** What was sent: text, bytes or a JSON value. Throws BODY_LARGE when `large`, as all do that give the whole. */
  readonly body: string | Buffer | JsonValue
  /** Bytes of the body. */
  readonly size: number
  /** The body lies in a file of its own, since it is too large for memory: for `stream()` and `saveTo()`. */
  readonly large: boolean
  /** The body as text; bytes are read as UTF-8. */
  text(): string
  /** The body parsed. Throws BODY_NOT_JSON. */
  json(): JsonValue
  /** The body's bytes, a copy. */
  bytes(): Buffer
  /** The body piece by piece, of any length. Fails with ENTRY_CORRUPT at its end when it is not what was sent. */
  stream(): Readable
  /** Writes the body into a new file; resolves with its length once it is there, checked and synced. */
  saveTo(path: string): Promise<number>
  readonly headers: Headers
  /** The next message of the same key comes when this one is finished. */
  readonly key: string | undefined
  /** The node that sent it. */
  readonly from: string
  /** Wall ms of the sender. */
  readonly sentAt: number
  readonly expiresAt: number | undefined
  /** Wall ms of this node. */
  readonly receivedAt: number
  /** 1 at first; one more for every attempt that failed. */
  readonly attempt: number
  /** 1 at first; one more every time it is handed out. */
  readonly deliveries: number
  readonly redelivered: boolean
  /** Wall ms. */
  readonly leaseUntil: number
  /** Aborts when the lease is lost: somebody else may have the message. */
  readonly signal: AbortSignal
  /** Done. `result`: a small JSON value kept with the mark. */
  ack(result?: JsonValue): Promise<void>
  /** Failed: again after `after`, or after the usual growing wait; dead once it was tried again `attemptsMax` times. */
  retry(options?: { after?: Duration; reason?: string }): Promise<void>
  /** Given back untouched: not counted as an attempt. */
  release(options?: { after?: Duration }): Promise<void>
  /** Never again: to the dead letters. */
  reject(reason: string): Promise<void>
  /** Sends an answer to the node it came from, where `queue.request` waits for it. Told twice, it arrives once. */
  reply(body: Body, options?: ReplyOptions): Promise<Receipt>
  /** Holds the lease (of everything claimed together) for so long from now. */
  extend(lease?: Duration): Promise<void>
}
