import type { Ids } from '../journal/ids.ts'
import type { Limits } from '../limits.ts'
import type { Body, Done, Draft } from '../message.ts'
import type { DueDraft } from '../scheduler/intake.ts'
import type { Clock } from '../system/clock.ts'
import { abortable, aborted } from './abort.ts'
import { draftOf } from './body.ts'
import { type BodySource, sourceOf } from './body-source.ts'
import type { Destination, Destinations } from './destinations.ts'
import { checkHeld, dueMs, type HeldBox, heldDraft } from './later.ts'
import { type Receipt, type ReceiptDesk, Receipts } from './receipt.ts'
import {
  applyOptions,
  checkIds,
  checkSend,
  checkSendAll,
  type SendAllOptions,
  type SendOptions
} from './send-options.ts'
import { type BlobRoom, type SourcesSend, sendSources } from './send-source.ts'

const NOTHING = Buffer.alloc(0)

/** What sending needs of the outbox. */
export interface Outbox {
  append<T>(to: Destination, draft: Draft, done: (id: string) => T, buffered?: boolean): Promise<T>
  appendAll<T>(to: Destination, drafts: readonly Draft[], done: (id: string) => T, buffered?: boolean): Promise<T[]>
  close(): Promise<void>
}

export interface SenderOptions {
  outbox: Outbox
  destinations: Destinations
  clock: Clock
  ids: Ids
  limits: Limits
  /** Where bodies go that are too large for an entry. Without it there can be none. */
  blobs?: BlobRoom
  /** Where what is for later goes, and the zone that times are read in. Without it nothing can be sent for later. */
  later?: { box: HeldBox; zone: () => string }
  /** Asked what became of messages. */
  desk?: ReceiptDesk
}

const NOBODY: ReceiptDesk = {
  mark: { outcomes: 0, replies: 0 },
  status: () => Promise.reject(new TypeError('this queue cannot say what became of a message')),
  wait: () => Promise.reject(new TypeError('this queue cannot say what became of a message'))
}

/**
 * Checks what is to be sent and gives it to the outbox. The bytes are copied before the call returns.
 *
 * Nothing is awaited here: the journal's promise is the caller's, since at 300,000 messages a second each further one shows.
 */
export class Sender {
  readonly #outbox: Outbox
  readonly #destinations: Destinations
  readonly #clock: Clock
  readonly #ids: Ids
  readonly #limits: Limits
  readonly #blobs: BlobRoom | undefined
  readonly #later: SenderOptions['later']
  readonly #receipts: Receipts

  constructor(options: SenderOptions) {
    this.#outbox = options.outbox
    this.#destinations = options.destinations
    this.#clock = options.clock
    this.#ids = options.ids
    this.#limits = options.limits
    this.#blobs = options.blobs
    this.#later = options.later
    this.#receipts = new Receipts(options.desk ?? NOBODY)
  }

  /** Throws at once what the caller did wrong; rejects with what the disk did. */
  send(body: Body | BodySource, options: SendOptions | undefined): Promise<Receipt> {
    if (options !== undefined) checkSend(options)
    const source = sourceOf(body)
    if (source !== undefined) return this.#sendSource(source, options ?? {})
    const draft = draftOf(body, this.#clock.now(), this.#limits.messageBytesMax)
    if (options === undefined) return this.#outbox.append(this.#destinations.usual, draft, this.#receipts.synced)
    applyOptions(draft, options, this.#limits)
    if (options.signal?.aborted) return Promise.reject(aborted(options.signal, 'sendMessage'))
    const { to, channel, priority, signal } = options
    const due = this.#dueMs(options, draft.sentAt)
    const sent =
      due !== undefined
        ? this.#hold(due, draft, options)
        : Array.isArray(to)
          ? this.#sendToEach(to, draft, options)
          : this.#append(this.#destinations.find(to, channel, priority), draft, options.durability === 'buffered')
    return signal === undefined ? sent : abortable(sent, signal, 'sendMessage')
  }

  /** All that can be wrong but the body itself is found before a byte of it is read. */
  #sendSource(source: BodySource, options: SendOptions): Promise<Receipt> {
    const { to, channel, priority, durability, kind: _, ...rest } = options
    const draft = draftOf(NOTHING, this.#clock.now(), 0)
    applyOptions(draft, rest, this.#limits)
    const due = this.#dueMs(options, draft.sentAt)
    const destinations = Array.isArray(to)
      ? this.#eachOf(to, options)
      : [this.#destinations.find(to, channel, priority)]
    const append = ([whole = draft]: readonly Draft[]) => {
      if (due !== undefined) return this.#hold(due, whole, options)
      if (Array.isArray(to)) return this.#sendToEach(to, whole, options)
      return this.#append(destinations[0]!, whole, durability === 'buffered')
    }
    const places = due === undefined ? destinations : this.#heldPlace([draft], due)
    return this.#read({ items: [{ draft, source }], options, places, append, what: 'sendMessage' })
  }

  #read<T>(send: Omit<SourcesSend<T>, 'limits' | 'room'>): Promise<T> {
    return sendSources({ ...send, limits: this.#limits, room: this.#blobs })
  }

  sendAll(bodies: readonly (Body | BodySource)[], options: SendAllOptions | undefined): Promise<Receipt[]> {
    if (!Array.isArray(bodies)) throw new TypeError(`sendMessages takes an array of bodies, got ${typeof bodies}`)
    if (options !== undefined) checkSendAll(options)
    const sentAt = this.#clock.now()
    const { ids, ...shared } = options ?? {}
    if (ids !== undefined) checkIds(ids, bodies.length)
    const drafts: Draft[] = []
    const sources = new Map<number, BodySource>()
    for (const [i, body] of bodies.entries()) {
      const source = sourceOf(body)
      if (source !== undefined) sources.set(i, source)
      const draft = this.#draft(body, source, sentAt, options && shared)
      if (ids !== undefined) draft.id = ids[i]!
      drafts.push(draft)
    }
    const destination = this.#destinations.find(options?.to, options?.channel, options?.priority)
    const signal = options?.signal
    if (signal?.aborted) return abortable(Promise.resolve([]), signal, 'sendMessages')
    if (drafts.length === 0) return Promise.resolve([])
    const buffered = options?.durability === 'buffered'
    const due = options === undefined ? undefined : this.#dueMs(options, sentAt)
    const append = (whole: readonly Draft[]) => {
      if (due === undefined) return this.#outbox.appendAll(destination, whole, this.#made(buffered), buffered)
      const held = whole.map(draft => heldDraft(draft, destination, due))
      return this.#box.appendAll(held, this.#heldUntil(buffered), buffered)
    }
    if (sources.size === 0) return abortable(append(drafts), signal, 'sendMessages')
    const items = drafts.map((draft, i) => ({ draft, source: sources.get(i) }))
    const places = due === undefined ? [destination] : this.#heldPlace(drafts, due)
    return this.#read({ items, options: shared, places, append, what: 'sendMessages' })
  }

  #draft(body: unknown, source: BodySource | undefined, sentAt: number, shared: SendAllOptions | undefined): Draft {
    if (source === undefined) {
      const draft = draftOf(body, sentAt, this.#limits.messageBytesMax)
      if (shared !== undefined) applyOptions(draft, shared, this.#limits)
      return draft
    }
    const draft = draftOf(NOTHING, sentAt, 0)
    // Of what kind it is, is checked once it is read.
    const { kind: _, ...rest } = shared ?? {}
    applyOptions(draft, rest, this.#limits)
    return draft
  }

  #append(destination: Destination, draft: Draft, buffered: boolean): Promise<Receipt> {
    return this.#outbox.append(destination, draft, this.#made(buffered), buffered)
  }

  /** One id for all, so that the copies can be told to be one message; resolves when each is in its outbox. */
  async #sendToEach(peers: readonly unknown[], draft: Draft, options: SendOptions): Promise<Receipt> {
    const destinations = this.#eachOf(peers, options)
    draft.id ??= this.#ids.next()
    const buffered = options.durability === 'buffered'
    const sent = destinations.map(destination => this.#append(destination, draft, buffered))
    const results = await Promise.allSettled(sent)
    for (const result of results) if (result.status === 'rejected') throw result.reason
    return this.#made(buffered)(draft.id)
  }

  /** Held until it is due. For several peers: all or none, under one id. */
  #hold(due: number, draft: Draft, options: SendOptions): Promise<Receipt> {
    const { to, channel, priority, durability } = options
    const buffered = durability === 'buffered'
    const receipt = this.#heldUntil(buffered)
    if (!Array.isArray(to)) {
      const held = heldDraft(draft, this.#destinations.find(to, channel, priority), due)
      return this.#box.append(held, receipt, buffered)
    }
    const destinations = this.#eachOf(to, options)
    draft.id ??= this.#ids.next()
    const held = destinations.map(destination => heldDraft({ ...draft }, destination, due))
    return this.#box.appendAll(held, receipt, buffered).then(([first]) => first!)
  }

  /** Where a body lies until its message is due: once for all destinations. What cannot be held is refused before it is read. */
  #heldPlace(drafts: readonly Draft[], due: number): [{ folder: string }] {
    for (const draft of drafts) checkHeld(draft, due)
    // Their shard goes by the id of the first.
    const first = drafts[0]!
    first.id ??= this.#ids.next()
    return [{ folder: this.#box.folder(first.id) }]
  }

  #made(buffered: boolean): (id: string) => Receipt {
    return buffered ? this.#receipts.buffered : this.#receipts.synced
  }

  #heldUntil(buffered: boolean): Done<DueDraft, Receipt> {
    return buffered ? this.#receipts.scheduledBuffered : this.#receipts.scheduled
  }

  #eachOf(peers: readonly unknown[], options: SendOptions): Destination[] {
    if (peers.length === 0) throw new TypeError('to must name at least one peer')
    const destinations = peers.map(peer => this.#destinations.find(peer, options.channel, options.priority))
    const twice = destinations.find((destination, i) => destinations.indexOf(destination) !== i)
    if (twice !== undefined) throw new TypeError(`to names ${twice.peer} twice`)
    return destinations
  }

  #dueMs(options: SendAllOptions | SendOptions, now: number): number | undefined {
    const { deliverAt, delay, rejectPast } = options
    if (deliverAt === undefined && delay === undefined && rejectPast === undefined) return undefined
    return dueMs(options, { now, zone: this.#later?.zone() ?? 'UTC' })
  }

  get #box(): HeldBox {
    if (this.#later === undefined) throw new TypeError('this queue holds nothing for later')
    return this.#later.box
  }
}
