import { DroprError, diskError } from '../errors.ts'
import { uuidMs } from '../journal/ids.ts'
import { OUTCOME_CHANNEL } from '../names.ts'
import type { Shown } from '../scheduler/index.ts'
import { AckTail } from '../spool/ack-tail.ts'
import { findSent, type SentPlace } from '../spool/find-sent.ts'
import type { Spool } from '../spool/spool.ts'
import { keepAlive } from '../system/keep-alive.ts'
import { aborted } from './abort.ts'
import { Delivery } from './delivery.ts'
import { KeptTail } from './kept-tail.ts'
import { Looks } from './looks.ts'
import { outcomeKey, withOutcomes } from './outcome.ts'
import { type DeliveryStatus, furthest, type MessageStatus, statusOf } from './status.ts'

/** A message that was found nowhere is looked for again so much later: that reads the whole outbox. */
const FIND_AGAIN_MS = 30_000

/** What is known of a message. */
export interface Known {
  status: MessageStatus
  /** Peers that were not asked to tell what their consumers make of it. */
  untold: readonly string[]
}

export interface WaitOptions {
  /** What gave up, for the errors. */
  what: string
  timeoutMs?: number | undefined
  signal?: AbortSignal | undefined
}

/** A message that somebody asks about. */
interface Asked {
  id: string
  deliveries: Delivery[]
  /** Ticks. */
  findAt: number
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
    this.#looks = new Looks(options.spool)
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
    const { what, timeoutMs, signal } = options
    const { clock } = this.#spool.system
    const deadline = timeoutMs === undefined ? Number.POSITIVE_INFINITY : clock.ticks() + timeoutMs
    const asked: Asked = { id, deliveries: [], findAt: 0 }
    const letGo = keepAlive()
    this.#outcomes.want(id, { since: uuidMs(id) ?? 0 })
    this.#looks.begin()
    try {
      for (;;) {
        this.#check(signal, what)
        const known = await this.#look(asked)
        const value = reached(known)
        if (value !== undefined) return value
        const left = deadline - clock.ticks()
        const { state } = known.status
        if (left <= 0)
          throw new DroprError('WAIT_TIMEOUT', `${what} ${id}: ${state} after ${timeoutMs} ms`, known.status)
        this.#looks.watch([...asked.deliveries.map(({ folder }) => folder), this.#outcomes.folder])
        await this.#looks.next(left, [this.#closing.signal, ...(signal === undefined ? [] : [signal])])
      }
    } catch (error) {
      this.#check(signal, what)
      throw error instanceof TypeError ? error : diskError(error, `look for message ${id}`)
    } finally {
      this.#outcomes.leave(id)
      this.#looks.done()
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
    if (asked.deliveries.length === 0 && ticks >= asked.findAt) {
      asked.findAt = ticks + FIND_AGAIN_MS
      asked.deliveries = await this.#find(id)
    }
    const { deliveries } = asked
    const told = deliveries.length === 0 || deliveries.some(({ place }) => place.receipt)
    await Promise.all([this.#lookAt(this.#acks), told ? this.#lookAt(this.#outcomes) : Promise.resolve()])
    const here = furthest(await Promise.all(deliveries.map(delivery => delivery.look(this.#acks))))
    const known = withOutcomes(here, this.#outcomes.of(id))
    const isUntold = ({ place }: Delivery) => place.peer !== this.#spool.node && !place.receipt
    const untold = deliveries.filter(isUntold).map(({ place }) => place.peer)
    if (known.length > 0) return { status: statusOf(id, known), untold }
    const status = await this.#lookHeld(id)
    // It is in the outbox soon.
    if (status.state === 'scheduled') asked.findAt = 0
    return { status, untold }
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
    return found.map(place => new Delivery(this.#spool, place))
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
