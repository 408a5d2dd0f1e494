import { setMaxListeners } from 'node:events'
import type { Limits } from '../limits.ts'
import type { Body } from '../message.ts'
import { keepAlive } from '../system/keep-alive.ts'
import type { System } from '../system/system.ts'
import { aborted, closedError, endingWith } from './abort.ts'
import type { BodySource } from './body-source.ts'
import type { Moved } from './carry-out.ts'
import { Consumer, type Handler } from './consumer.ts'
import type { MoveOptions } from './filter-options.ts'
import type { Intake } from './intake.ts'
import type { Message } from './message.ts'
import { iterateMessages } from './messages-iterator.ts'
import { checkDuration, checkOptions, type Duration } from './options.ts'
import type { Peeked } from './peeked.ts'
import { pollMessages } from './poll.ts'
import type { Cleaned, CleanOptions } from './queue-clean.ts'
import { QueueDead } from './queue-dead.ts'
import type { PurgeOptions, QueueMovesParts, Removed, RemoveOptions } from './queue-moves.ts'
import { QueueMoves } from './queue-moves.ts'
import { NOTHING_LATER, QueueSchedule, type QueueScheduleParts } from './queue-schedule.ts'
import { type HoldOptions, QueueSteer } from './queue-steer.ts'
import { type Receipt, type ReceiptDesk, type SentMessage, sentMessage } from './receipt.ts'
import {
  type ConsumeOptions,
  checkConsume,
  checkMessages,
  checkPeek,
  checkPoll,
  type MessagesOptions,
  type PeekOptions,
  type PollOptions
} from './receive-options.ts'
import { type Reply, type RequestOptions, request } from './request.ts'
import type { Sender } from './send.ts'
import { checkId, type SendAllOptions, type SendOptions } from './send-options.ts'
import type { MessageStatus } from './status.ts'

export interface QueueParts {
  system: System
  limits: Limits
  /** The name of this node. */
  node: string
  /** The folder of the spool. */
  spool: string
  sender: Sender
  intake: Intake
  /** Asked what became of messages. */
  desk?: ReceiptDesk
  /** How operators move messages; without it, nobody may. */
  moves?: Omit<QueueMovesParts, 'checkOpen'>
  /** How to look at what is held for later. */
  later?: Pick<QueueScheduleParts, 'open' | 'zone' | 'large'>
  /** Closes what is below, once nothing is sent or received any more. */
  closeBelow: () => Promise<void>
}

/** Messages in and out of one spool. Keeps the process alive only while something waits: a poll, a loop, a consumer. */
export class Queue {
  readonly node: string
  readonly spool: string
  /** What is held for later. */
  readonly schedule: QueueSchedule
  /** What was given up. */
  readonly dead: QueueDead
  readonly #moves: QueueMoves
  readonly #parts: QueueParts
  readonly #sender: Sender
  readonly #steer: QueueSteer
  readonly #consumers = new Set<Consumer>()
  readonly #closing = new AbortController()
  #closed: Promise<void> | undefined

  constructor(parts: QueueParts) {
    this.node = parts.node
    this.spool = parts.spool
    this.#parts = parts
    this.#sender = parts.sender
    const { limits, later = NOTHING_LATER } = parts
    const checkOpen = () => this.#checkOpen()
    this.#steer = new QueueSteer(parts.intake, checkOpen)
    this.schedule = new QueueSchedule({ clock: parts.system.clock, limits, ...later, checkOpen })
    const moves = { ...parts.moves!, checkOpen }
    this.dead = new QueueDead(moves)
    this.#moves = new QueueMoves(moves)
    // One listener for each poll that waits: many are no leak.
    setMaxListeners(0, this.#closing.signal)
  }

  /** Destroys messages that wait in the inbox. Resolves when it is synced; what somebody holds is left, unless `leased`. */
  purge(which: PurgeOptions): Promise<Moved> {
    return this.#moves.purge(which)
  }

  /** Lets acknowledged messages that are still kept come again, marked `dropr-replayed-at`. Resolves when they are synced. */
  replay(which: MoveOptions): Promise<Moved> {
    return this.#moves.replay(which)
  }

  /** Removes now what is past its retention; with `olderThan`, whatever is finished and older than that. */
  clean(options?: CleanOptions): Promise<Cleaned> {
    return this.#moves.clean(options)
  }

  /** Removes a channel in which nothing is left to do, durably; a later message makes it again. Rejects with CHANNEL_NOT_EMPTY. */
  removeChannel(channel: string, options?: RemoveOptions): Promise<Removed> {
    return this.#moves.removeChannel(channel, options)
  }

  /** Resolves when the message is synced here; never waits for a network (P1). */
  sendMessage(body: Body | BodySource, options?: SendOptions): Promise<Receipt> {
    if (this.#closed !== undefined) return Promise.reject(closedError())
    try {
      return this.#sender.send(body, options)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** All of them or none, in this order, to one place. */
  async sendMessages(bodies: readonly (Body | BodySource)[], options?: SendAllOptions): Promise<Receipt[]> {
    this.#checkOpen()
    return await this.#sender.sendAll(bodies, options)
  }

  /** Sends a message and resolves with the reply to it: a durable message each way, so that either node may be down meanwhile. */
  async request(to: string, body: Body, options?: RequestOptions): Promise<Reply> {
    this.#checkOpen()
    return await request({ sender: this.#sender, desk: this.#desk }, to, body, options)
  }

  /** How far a message of this node has come, on its way to each node it was sent to. Works in any process, also with no daemon. */
  async status(id: string): Promise<MessageStatus> {
    return await this.receipt(id).status()
  }

  /** What the receipt of a message could be asked, by its id: in another process, after a restart. */
  receipt(id: string): SentMessage {
    checkId(id)
    this.#checkOpen()
    return sentMessage(this.#desk, id)
  }

  /** The next message, leased to this process; undefined when there is none within `wait`. With `max`: up to so many. */
  poll(options?: PollOptions & { max?: never }): Promise<Message | undefined>
  poll(options: PollOptions & { max: number }): Promise<Message[]>
  async poll(options: PollOptions & { max?: number } = {}): Promise<Message | Message[] | undefined> {
    const { signal, ...request } = checkPoll(options)
    this.#checkOpen()
    if (signal?.aborted) throw aborted(signal, 'poll')
    const ending = endingWith(this.#closing.signal, signal)
    try {
      const { intake, system } = this.#parts
      const messages = await pollMessages(intake, system.clock, request, ending.signal)
      return options.max === undefined ? messages[0] : messages
    } catch (error) {
      this.#checkOpen()
      if (signal?.aborted) throw aborted(signal, 'poll')
      throw error
    } finally {
      ending.stop()
    }
  }

  /** The messages that the next poll would give, left as they are: no lease, no delivery counted. */
  async peek(options: PeekOptions = {}): Promise<Peeked[]> {
    const request = checkPeek(options)
    this.#checkOpen()
    return await this.#parts.intake.peek(request)
  }

  /** Nothing of the channel is handed out any more, by any process, until it is resumed. Resolves when synced: true unless it was so before. */
  pause(channel: string): Promise<boolean> {
    return this.#steer.channel('pause', channel)
  }

  /** Hands out again what a paused channel holds. Resolves when synced: true unless it was so before. */
  resume(channel: string): Promise<boolean> {
    return this.#steer.channel('resume', channel)
  }

  /** Keeps messages of an id back, also after a restart; one that somebody has, once it comes back. Resolves when synced, with how many there are. */
  hold(id: string, options?: HoldOptions): Promise<number> {
    return this.#steer.messages('hold', id, options)
  }

  /** Lets what was held go on, in its place. Resolves when synced, with how many there are. */
  unhold(id: string, options?: HoldOptions): Promise<number> {
    return this.#steer.messages('unhold', id, options)
  }

  /** For `for await`: asking for the next message acknowledges the one before; leaving the loop gives back the one in hand. */
  async *messages(options: MessagesOptions | string = {}): AsyncGenerator<Message, void, void> {
    const given = typeof options === 'string' ? { channel: options } : options
    const { channels, leaseMs, signal } = checkMessages(given)
    this.#checkOpen()
    const ending = endingWith(this.#closing.signal, signal)
    try {
      yield* iterateMessages({ ...this.#parts, channels, leaseMs, signal: ending.signal })
    } finally {
      ending.stop()
    }
  }

  /** Calls `handler` with each message, `concurrency` at a time: what returns is acknowledged, what throws is tried again. */
  consume(channel: string | readonly string[], handler: Handler, options: ConsumeOptions = {}): Consumer {
    if (typeof handler !== 'function') throw new TypeError(`handler must be a function, got ${typeof handler}`)
    const { intake, system, limits } = this.#parts
    const checked = checkConsume(channel, options)
    this.#checkOpen()
    const onDone = (done: Consumer) => this.#consumers.delete(done)
    const consumer = new Consumer({ ...checked, intake, system, handler, onDone, graceMs: limits.graceMs })
    this.#consumers.add(consumer)
    return consumer
  }

  /**
   * Stops consumers (handlers may finish for `within`, default `graceMs`), gives back what is held, commits and seals what was
   * sent. Everything asked afterwards rejects with CLOSED. Closing twice is one close.
   */
  close(options?: { within?: Duration }): Promise<void> {
    if (options !== undefined) checkOptions(options, new Set(['within']), 'close')
    const within = checkDuration(options?.within ?? this.#parts.limits.graceMs, 'within', 0, 3_600_000)
    this.#closed ??= this.#close(within)
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(within: number): Promise<void> {
    const letGo = keepAlive()
    const stopping = [...this.#consumers].map(consumer => consumer.stop({ within }))
    this.#closing.abort(closedError())
    await Promise.all(stopping)
    const results = await Promise.allSettled([this.#parts.intake.close(), this.#parts.closeBelow()])
    letGo()
    for (const result of results) if (result.status === 'rejected') throw result.reason
  }

  get #desk(): ReceiptDesk {
    if (this.#parts.desk === undefined) throw new TypeError('this queue cannot say what became of a message')
    return this.#parts.desk
  }

  #checkOpen(): void {
    if (this.#closed !== undefined) throw closedError()
  }
}
