import { DroprError } from '../errors.ts'
import type { Done } from '../message.ts'
import type { DueDraft } from '../scheduler/intake.ts'
import { isoTime } from './iso-time.ts'
import { checkDuration, checkOptions, checkSignal, type Duration } from './options.ts'
import { type Reply, replyOf } from './reply.ts'
import { type DeliveryStatus, isOver, type MessageStatus } from './status.ts'
import type { Known, SentMark, WaitOptions } from './tracker.ts'

export type Durability = 'synced' | 'buffered'

/** How long, and until when, to wait for what becomes of a message. */
export interface AwaitOptions {
  /** Rejects with WAIT_TIMEOUT after so long; its cause is the status. Default: it waits for as long as the queue is open. */
  timeout?: Duration
  /** Aborts the waiting: rejects with ABORTED. */
  signal?: AbortSignal
}

/** What becomes of a message that was sent, in any process of its node. */
export interface SentMessage {
  readonly id: string
  /** Where it is now. */
  status(): Promise<MessageStatus>
  /** Resolves when every node it was sent to has it on its disk. Rejects with MESSAGE_DEAD, MESSAGE_EXPIRED, MESSAGE_CANCELLED. */
  delivered(options?: AwaitOptions): Promise<MessageStatus>
  /**
   * Resolves when a consumer of every node it was sent to has acknowledged it. Rejects with MESSAGE_DEAD, MESSAGE_EXPIRED,
   * MESSAGE_CANCELLED; with a TypeError when it went to a peer without `receipt: true`.
   */
  settled(options?: AwaitOptions): Promise<Settled>
  /** The reply to a request, also to one that another process made. Rejects as `settled` does when there will be none. */
  reply(options?: AwaitOptions): Promise<Reply>
}

/** A message that is processed. */
export interface Settled {
  id: string
  verdict: 'processed'
  /** Of the node that was the last to settle it: its name, when, and what the consumer said with the ack. */
  peer: string
  at: number
  result?: unknown
  /** All of them. */
  deliveries: DeliveryStatus[]
}

/** What a resolved send says. */
export interface Receipt extends SentMessage {
  /** `queued`: in the outbox. `scheduled`: held until `dueAt`. */
  readonly state: 'queued' | 'scheduled'
  /** `synced`: survives a power cut here. `buffered`: survives the death of this process only. */
  readonly durability: Durability
  /** Of what is scheduled: ISO 8601 in UTC. */
  readonly dueAt?: string
}

/** Who knows what becomes of messages. */
export interface ReceiptDesk {
  readonly mark: SentMark
  status(id: string): Promise<MessageStatus>
  wait<T>(id: string, reached: (known: Known) => T | undefined, options: WaitOptions): Promise<T>
}

const AWAIT = new Set(['timeout', 'signal'])

/** A receipt that can be asked what became of its message. As JSON, or printed, it is only what it says. */
class AskableReceipt implements Receipt {
  readonly id: string
  readonly state: 'queued' | 'scheduled'
  readonly durability: Durability
  declare readonly dueAt?: string
  readonly #desk: ReceiptDesk

  constructor(desk: ReceiptDesk, id: string, durability: Durability, dueAt?: string) {
    this.#desk = desk
    this.id = id
    this.state = dueAt === undefined ? 'queued' : 'scheduled'
    this.durability = durability
    if (dueAt !== undefined) this.dueAt = dueAt
  }

  status(): Promise<MessageStatus> {
    return this.#desk.status(this.id)
  }

  delivered(options?: AwaitOptions): Promise<MessageStatus> {
    return awaitDelivered(this.#desk, this.id, options)
  }

  settled(options?: AwaitOptions): Promise<Settled> {
    return awaitSettled(this.#desk, this.id, options)
  }

  reply(options?: AwaitOptions): Promise<Reply> {
    return awaitReply(this.#desk, this.id, options)
  }
}

/** Makes the receipts of one queue. */
export class Receipts {
  readonly synced: (id: string) => Receipt
  readonly buffered: (id: string) => Receipt
  readonly scheduled: Done<DueDraft, Receipt>
  readonly scheduledBuffered: Done<DueDraft, Receipt>

  constructor(desk: ReceiptDesk) {
    this.synced = id => new AskableReceipt(desk, id, 'synced')
    this.buffered = id => new AskableReceipt(desk, id, 'buffered')
    this.scheduled = (id, { due }) => new AskableReceipt(desk, id, 'synced', isoTime(due.at))
    this.scheduledBuffered = (id, { due }) => new AskableReceipt(desk, id, 'buffered', isoTime(due.at))
  }
}

/** A message of this node by its id alone: what its receipt can be asked, in any process. */
export function sentMessage(desk: ReceiptDesk, id: string): SentMessage {
  return {
    id,
    status: () => desk.status(id),
    delivered: options => awaitDelivered(desk, id, options),
    settled: options => awaitSettled(desk, id, options),
    reply: options => awaitReply(desk, id, options)
  }
}

async function awaitDelivered(desk: ReceiptDesk, id: string, options: AwaitOptions = {}): Promise<MessageStatus> {
  return await desk.wait(id, isDelivered, { what: 'delivered', ...checkAwait(options, 'delivered') })
}

async function awaitSettled(desk: ReceiptDesk, id: string, options: AwaitOptions = {}): Promise<Settled> {
  return await desk.wait(id, settledOf, { what: 'settled', ...checkAwait(options, 'settled') })
}

async function awaitReply(desk: ReceiptDesk, id: string, options: AwaitOptions = {}): Promise<Reply> {
  return await desk.wait(id, replied, { what: 'reply', ...checkAwait(options, 'reply'), replies: true })
}

/** The reply of one of the nodes that were asked, if it is there. */
export function replied({ status, replies }: Known): Reply | undefined {
  const peers = new Set(status.deliveries.map(({ peer }) => peer))
  const reply = replies.find(({ node }) => peers.size === 0 || peers.has(node))
  if (reply !== undefined) return replyOf(reply)
  const failed = status.deliveries.find(delivery => isOver(delivery) && delivery.state !== 'processed')
  if (failed !== undefined) throw failedDelivery(status.id, failed, status)
  return undefined
}

/** @throws TypeError */
export function checkAwait(options: AwaitOptions, what: string): Omit<WaitOptions, 'what'> {
  checkOptions(options, AWAIT, what)
  const { timeout, signal } = options
  return {
    timeoutMs: timeout === undefined ? undefined : checkDuration(timeout, 'timeout'),
    signal: checkSignal(signal)
  }
}

function isDelivered({ status }: Known): MessageStatus | undefined {
  const { id, deliveries } = status
  if (deliveries.length === 0) throw unknownMessage(status)
  const failed = deliveries.find(delivery => isOver(delivery) && !delivery.delivered)
  if (failed !== undefined) throw failedDelivery(id, failed, status)
  return deliveries.every(({ delivered }) => delivered) ? status : undefined
}

/** Of an id that nothing is known of, word may still come: it may have been sent long ago. */
function settledOf({ status, untold }: Known): Settled | undefined {
  const { id, deliveries, state } = status
  if (state === 'cancelled') throw unknownMessage(status)
  const failed = deliveries.find(delivery => isOver(delivery) && delivery.state !== 'processed')
  if (failed !== undefined) throw failedDelivery(id, failed, status)
  if (untold.length > 0) throw new TypeError(`message ${id} went to ${untold.join(', ')} without receipt: true`)
  if (state !== 'processed') return undefined
  const { peer, at, result } = deliveries.reduce((last, one) => (one.at > last.at ? one : last))
  return { id, verdict: 'processed', peer, at, ...(result !== undefined && { result }), deliveries }
}

export function unknownMessage(status: MessageStatus): DroprError {
  if (status.state === 'cancelled')
    return new DroprError('MESSAGE_CANCELLED', `message ${status.id} was cancelled`, status)
  return new DroprError('MESSAGE_UNKNOWN', `nothing is known here of a message ${status.id}`, status)
}

/** Why a message will never be processed there. */
export function failedDelivery(id: string, failed: DeliveryStatus, status: MessageStatus): DroprError {
  const { state, peer, reason } = failed
  const where = `message ${id} to ${peer}`
  if (state === 'expired') return new DroprError('MESSAGE_EXPIRED', `${where} was not taken in time`, status)
  if (state === 'cancelled') return new DroprError('MESSAGE_CANCELLED', `${where} was cancelled`, status)
  return new DroprError('MESSAGE_DEAD', `${where} was given up: ${reason ?? 'why is not known'}`, status)
}
