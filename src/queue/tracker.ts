import { setMaxListeners } from 'node:events'
import { DroprError, diskError } from '../errors.ts'
import { uuidMs } from '../journal/ids.ts'
import { OUTCOME_CHANNEL, REPLY_CHANNEL } from '../names.ts'
import type { Shown } from '../scheduler/index.ts'
import { MessageFates } from '../server/message-fates.ts'
import { AckTail } from '../spool/ack-tail.ts'
import { findSent, type SentPlace } from '../spool/find-sent.ts'
import type { Spool } from '../spool/spool.ts'
import { keepAlive } from '../system/keep-alive.ts'
import { aborted } from './abort.ts'
import { Delivery } from './delivery.ts'
import { type Kept, KeptTail } from './kept-tail.ts'
import { Looks } from './looks.ts'
import { outcomeKey, withOutcomes } from './outcome.ts'
import { CORRELATION_ID } from './reply.ts'
import { type DeliveryStatus, furthest, type MessageStatus, statusOf } from './status.ts'

/** A message that was found nowhere is looked for again so much later: that reads the whole outbox. */
const FIND_AGAIN_MS = 30_000
/** A request that was sent a moment ago is under way: what keeps it from being answered is looked for later. */
const FIND_SENT_MS = 1_000
/** The first looks come sooner than any hint is sure to. */
const PACE_MS_MIN = 25

/** What is known of a message. */
export interface Known {
  status: MessageStatus
  /** Peers that were not asked to tell what their consumers make of it. */
  untold: readonly string[]
  /** Replies to it, when they were asked for; from any node. */
  replies: readonly Kept[]
}

export interface WaitOptions {
  /** What gave up, for the errors. */
  what: string
  timeoutMs?: number | undefined
  signal?: AbortSignal | undefined
  /** Replies are wanted too. */
  replies?: boolean
  /** Of a message that was just sent: taken before. */
  mark?: SentMark
}

/** A moment in what came back. */
export interface SentMark {
  outcomes: number
  replies: number
}

/** A message that somebody asks about. */
interface Asked {
  id: string
  /** Undefined: not looked for yet. */
  deliveries: Delivery[] | undefined
  /** Ticks when it is looked for. */
  findAt: number
  replies: boolean
  /** Where something changes when there is news. */
  folders: string[]
}

/**
 * Says how far messages of this node have come, and waits for them: from the files alone, in any process, whether or not any
 * daemon runs. What several ask at once is looked up once.
 */
export class Tracker {
  readonly #spool: Spool
  readonly #held: (id: string) => Promise<Shown>
  readonly #acks: AckTail
  readonly #outcomes: KeptTail
  readonly #replies: KeptTail
  /** By channel: of what this node sent to itself. */
  readonly #fates = new Map<string, MessageFates>()
  readonly #looks: Looks
  readonly #closing = new AbortController()
  #turn: Promise<unknown> = Promise.resolve()
  #wanted = new Set<string>()
  #finding: Promise<Map<string, SentPlace[]>> | undefined
  readonly #looking = new Map<object, Promise<void>>()

  /** @param options.held What the schedule says of an id. */
  constructor(options: { spool: Spool; held: (id: string) => Promise<Shown> }) {
    this.#spool = options.spool
    this.#held = options.held
    this.#acks = new AckTail(options.spool)
    this.#outcomes = new KeptTail({ spool: options.spool, channel: OUTCOME_CHANNEL, keyOf: outcomeKey })
    const keyOf = ({ headers }: Kept['stored']) => headers[CORRELATION_ID]
    this.#replies = new KeptTail({ spool: options.spool, channel: REPLY_CHANNEL, keyOf })
    this.#looks = new Looks(options.spool)
    // One listener for each that waits: many are no leak.
    setMaxListeners(0, this.#closing.signal)
  }

  /** To be taken before a request is sent, and given to `wait`: what answers it need not be looked for in the past. */
  get mark(): SentMark {
    return { outcomes: this.#outcomes.mark, replies: this.#replies.mark }
  }

  /** @throws DroprError DISK_*, SCHEDULER_UNREACHABLE, CLOSED */
  async status(id: string): Promise<MessageStatus> {
    return await this.wait(id, ({ status }) => status, { what: 'status' })
  }

  /**
   * Resolves with the first thing that `reached` makes of what is known.
   *
   * @throws What `reached` throws; DroprError WAIT_TIMEOUT with the status as its cause, ABORTED, CLOSED, DISK_*.
   */
  async wait<T>(id: string, reached: (known: Known) => T | undefined, options: WaitOptions): Promise<T> {
    const { what, timeoutMs = Number.POSITIVE_INFINITY, signal, replies = false, mark } = options
    const { clock } = this.#spool.system
    const begun = clock.ticks()
    const findAt = begun + (mark === undefined ? 0 : FIND_SENT_MS)
    const asked: Asked = { id, deliveries: undefined, findAt, replies, folders: [] }
    const since = sinceOf(id, clock.now())
    const letGo = keepAlive()
    this.#outcomes.want(id, { since, mark: mark?.outcomes })
    if (replies) this.#replies.want(id, { since, mark: mark?.replies })
    const signals = [this.#closing.signal, ...(signal === undefined ? [] : [signal])]
    try {
      for (let pace = PACE_MS_MIN; ; pace = Math.min(pace * 2, this.#spool.limits.scanMs)) {
        this.#check(signal, what)
        const isLast = clock.ticks() - begun >= timeoutMs
        // Before anybody is told where it is, that is looked for.
        if (isLast && asked.deliveries === undefined) asked.findAt = 0
        const known = await this.#look(asked)
        const value = reached(known)
        if (value !== undefined) return value
        const { status } = known
        if (isLast) throw new DroprError('WAIT_TIMEOUT', `${what} ${id}: ${status.state} after ${timeoutMs} ms`, status)
        await this.#looks.watch(asked.folders)
        await this.#looks.next(Math.min(begun + timeoutMs - clock.ticks(), pace), signals)
      }
    } catch (error) {
      this.#check(signal, what)
      throw error instanceof TypeError ? error : diskError(error, `look for message ${id}`)
    } finally {
      for (const delivery of asked.deliveries ?? []) this.#forget(delivery)
      this.#outcomes.leave(id)
      if (replies) this.#replies.leave(id)
      letGo()
    }
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#looks.close()
    await this.#turn
  }

  #check(signal: AbortSignal | undefined, what: string): void {
    if (this.#closing.signal.aborted) throw new DroprError('CLOSED', 'the queue is closed')
    if (signal?.aborted) throw aborted(signal, what)
  }

  async #look(asked: Asked): Promise<Known> {
    const { id } = asked
    const ticks = this.#spool.system.clock.ticks()
    if (!asked.deliveries?.length && ticks >= asked.findAt) {
      asked.findAt = ticks + FIND_AGAIN_MS
      asked.deliveries = await this.#find(id)
    }
    const { deliveries = [] } = asked
    const tails: { look(): Promise<void>; folder?: string }[] = deliveries.length > 0 ? [this.#acks] : []
    for (const { fates } of deliveries) if (fates !== undefined) tails.push(fates)
    if (deliveries.length === 0 || deliveries.some(({ place }) => place.receipt)) tails.push(this.#outcomes)
    if (asked.replies) tails.push(this.#replies)
    asked.folders = [...deliveries, ...tails].flatMap(({ folder }) => folder ?? [])
    await Promise.all(tails.map(tail => this.#lookAt(tail)))
    const replies = this.#replies.of(id)
    const here = furthest(await Promise.all(deliveries.map(delivery => delivery.look(this.#acks))))
    const known = withOutcomes(here, this.#outcomes.of(id))
    const isUntold = ({ place }: Delivery) => place.peer !== this.#spool.node && !place.receipt
    const untold = deliveries.filter(isUntold).map(({ place }) => place.peer)
    if (known.length > 0 || asked.deliveries === undefined) return { status: statusOf(id, known), untold, replies }
    const status = await this.#lookHeld(id)
    // It is in the outbox soon.
    if (status.state === 'scheduled') asked.findAt = 0
    return { status, untold, replies }
  }

  async #lookHeld(id: string): Promise<MessageStatus> {
    const { files } = this.#spool.system
    if ((await files.stat(`${this.#spool.path}/schedule`)) === undefined) return statusOf(id, [])
    const { state, messages } = await this.#held(id)
    if (state !== 'scheduled' && state !== 'cancelled') return statusOf(id, [])
    const held = messages.map(({ to: peer, channel, sentAt: at, dueAt }): DeliveryStatus => {
      return { peer, channel, state, delivered: false, at, dueAt }
    })
    return { ...statusOf(id, held), state }
  }

  async #find(id: string): Promise<Delivery[]> {
    this.#wanted.add(id)
    this.#finding ??= this.#inTurn(() => {
      const wanted = this.#wanted
      this.#wanted = new Set()
      this.#finding = undefined
      return findSent(this.#spool, wanted)
    })
    const found = (await this.#finding).get(id) ?? []
    return found.map(place => {
      const fates = this.#fatesOf(place)
      const lookAgain = () => (fates === undefined ? Promise.resolve() : this.#lookAt(fates))
      return new Delivery(this.#spool, place, { fates, lookAgain })
    })
  }

  #fatesOf({ peer, channel }: SentPlace): MessageFates | undefined {
    if (peer !== this.#spool.node) return undefined
    const fates = this.#fates.get(channel) ?? new MessageFates(this.#spool, channel)
    this.#fates.set(channel, fates)
    return fates
  }

  #forget(delivery: Delivery): void {
    if (delivery.leave()) this.#fates.delete(delivery.place.channel)
  }

  /** One look serves all who ask before it begins. */
  #lookAt(tail: { look(): Promise<void> }): Promise<void> {
    let looking = this.#looking.get(tail)
    if (looking === undefined) {
      looking = this.#inTurn(() => {
        this.#looking.delete(tail)
        return tail.look()
      })
      this.#looking.set(tail, looking)
    }
    return looking
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(act)
    this.#turn = mine.catch(() => undefined)
    return mine
  }
}

/** Ids rise also while a clock that was set back has not caught up: one ahead of it does not say when it was made. */
function sinceOf(id: string, now: number): number {
  const madeAt = uuidMs(id)
  return madeAt === undefined || madeAt > now ? 0 : madeAt
}
