import { DroprError, diskError } from '../errors.ts'
import type { Shown } from '../scheduler/index.ts'
import { AckTail } from '../spool/ack-tail.ts'
import { findSent, type SentPlace } from '../spool/find-sent.ts'
import type { Spool } from '../spool/spool.ts'
import { keepAlive } from '../system/keep-alive.ts'
import { aborted } from './abort.ts'
import { Delivery } from './delivery.ts'
import { Looks } from './looks.ts'
import { type DeliveryStatus, type MessageStatus, statusOf } from './status.ts'

export interface WaitOptions {
  /** What gave up, for the errors. */
  what: string
  timeoutMs: number | undefined
  signal: AbortSignal | undefined
}

/**
 * Says how far messages of this node have come, and waits for them: from the files alone, in any process, whether or not any
 * daemon runs. What several ask at once is looked up once.
 */
export class Tracker {
  readonly #spool: Spool
  readonly #held: (id: string) => Promise<Shown>
  readonly #acks: AckTail
  readonly #looks: Looks
  readonly #closing = new AbortController()
  #turn: Promise<unknown> = Promise.resolve()
  #wanted = new Set<string>()
  #finding: Promise<Map<string, SentPlace[]>> | undefined
  #acking: Promise<void> | undefined

  /** @param options.held What the schedule says of an id. */
  constructor(options: { spool: Spool; held: (id: string) => Promise<Shown> }) {
    this.#spool = options.spool
    this.#held = options.held
    this.#acks = new AckTail(options.spool)
    this.#looks = new Looks(options.spool)
  }

  /** @throws DroprError DISK_*, SCHEDULER_UNREACHABLE */
  async status(id: string): Promise<MessageStatus> {
    const letGo = keepAlive()
    try {
      return await this.#look(id, await this.#find(id))
    } finally {
      letGo()
    }
  }

  /**
   * Resolves with the first status that `isReached`.
   *
   * @throws What `isReached` throws; DroprError WAIT_TIMEOUT with the status as its cause, ABORTED, CLOSED, DISK_*.
   */
  async wait(
    id: string,
    isReached: (status: MessageStatus) => boolean,
    { what, timeoutMs, signal }: WaitOptions
  ): Promise<MessageStatus> {
    const { clock } = this.#spool.system
    const deadline = timeoutMs === undefined ? Number.POSITIVE_INFINITY : clock.ticks() + timeoutMs
    const letGo = keepAlive()
    let deliveries: Delivery[] = []
    this.#looks.begin()
    try {
      for (;;) {
        this.#check(signal, what)
        if (deliveries.length === 0) deliveries = await this.#find(id)
        this.#looks.watch(deliveries.map(({ folder }) => folder))
        const status = await this.#look(id, deliveries)
        if (isReached(status)) return status
        const left = deadline - clock.ticks()
        if (left <= 0)
          throw new DroprError('WAIT_TIMEOUT', `${what} ${id}: ${status.state} after ${timeoutMs} ms`, status)
        await this.#looks.next(left, [this.#closing.signal, ...(signal === undefined ? [] : [signal])])
      }
    } catch (error) {
      this.#check(signal, what)
      throw error instanceof TypeError ? error : diskError(error, `look for message ${id}`)
    } finally {
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

  async #look(id: string, found: readonly Delivery[]): Promise<MessageStatus> {
    if (found.length === 0) return await this.#lookHeld(id)
    this.#acking ??= this.#inTurn(() => {
      this.#acking = undefined
      return this.#acks.look()
    })
    await this.#acking
    return statusOf(id, furthest(await Promise.all(found.map(delivery => delivery.look(this.#acks)))))
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

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(act)
    this.#turn = mine.catch(() => undefined)
    return mine
  }
}

/** A message that was sent twice under one id has one fate a peer and channel: that of the copy which came further. */
function furthest(deliveries: readonly DeliveryStatus[]): DeliveryStatus[] {
  const byPlace = new Map<string, DeliveryStatus>()
  for (const delivery of deliveries) {
    const key = `${delivery.peer} ${delivery.channel}`
    const known = byPlace.get(key)
    if (known === undefined || rank(delivery) > rank(known)) byPlace.set(key, delivery)
  }
  return [...byPlace.values()]
}

function rank({ state }: DeliveryStatus): number {
  return ['expired', 'pending', 'delivered', 'dead', 'processed'].indexOf(state)
}
