import type { Ending, MessageFates } from '../server/message-fates.ts'
import type { AckTail } from '../spool/ack-tail.ts'
import { readCancelled } from '../spool/cancelled.ts'
import { findDead } from '../spool/find-dead.ts'
import type { SentPlace } from '../spool/find-sent.ts'
import { lostHere } from '../spool/lost-here.ts'
import type { Spool } from '../spool/spool.ts'
import { type DeliveryState, type DeliveryStatus, isOver } from './status.ts'

const STATE_OF: Readonly<Record<Ending['how'], DeliveryState>> = {
  done: 'processed',
  dead: 'dead',
  expired: 'expired'
}

/** Its place was passed over, or its file is still read again: which of the two nobody wrote down. */
const DAMAGED = 'damaged: it can no longer be read in the outbox, and may not have been sent before'

/** One copy of a message, followed from the outbox on: what the files of this node say became of it. */
export class Delivery {
  readonly place: SentPlace
  readonly #spool: Spool
  /** Of what this node sent to itself: the channel it lies in. */
  readonly fates: MessageFates | undefined
  /** Where it was and is in the inbox of this node: a dead letter that is redriven gets another place. */
  readonly #places: { stream: string; position: number }[]
  readonly #lookAgain: () => Promise<void>
  /** What will not change any more. */
  #final: DeliveryStatus | undefined
  /** The peer has it, or is past it, and did not refuse it. */
  #taken = false

  /** @param options.lookAgain Has the fates look once more. */
  constructor(
    spool: Spool,
    place: SentPlace,
    { fates, lookAgain }: { fates: MessageFates | undefined; lookAgain: () => Promise<void> }
  ) {
    this.#spool = spool
    this.place = place
    this.fates = fates
    this.#lookAgain = lookAgain
    this.#places = [place]
    fates?.want(place.stream, place.position, place.sentAt)
  }

  /** True when nobody asks these fates about anything any more. */
  leave(): boolean {
    let left = false
    for (const { stream, position } of this.#places) left = this.fates?.leave(stream, position) ?? false
    return left
  }

  /** Where something changes when this comes further. */
  get folder(): string {
    return this.fates?.folder ?? this.#spool.acked
  }

  /**
   * @param acks Looked at just before, as the fates were.
   * @throws the system's error when a file cannot be read.
   */
  async look(acks: AckTail): Promise<DeliveryStatus> {
    if (this.#final !== undefined) return this.#final
    const status = this.fates === undefined ? await this.#lookRemote(acks) : await this.#lookLocal(this.fates)
    // What has expired here may have arrived a moment before.
    if (isOver(status) && (status.state !== 'expired' || status.delivered)) this.#final = status
    return status
  }

  /** A peer that refused it for good, or never got it because its time was over, is past it as well. */
  async #lookRemote(acks: AckTail): Promise<DeliveryStatus> {
    const { stream, position, channel, sentAt, expiresAt } = this.place
    const ackedAt = acks.at(stream, position)
    if (ackedAt === undefined) return this.#waiting()
    if (!this.#taken) {
      const dead = await findDead(this.#spool, { channel, stream, position, since: sentAt })
      // Redriven it lies in the outbox once more, as another copy.
      if (dead?.again !== undefined) return this.#status('pending', dead.again.at, { delivered: false })
      if (dead !== undefined) return this.#status('dead', dead.at, { delivered: false, reason: dead.reason })
      const cancelled = await readCancelled(this.#spool.system.files, this.#spool.path, this.place.peer)
      if (cancelled?.has(stream, position))
        return this.#status('dead', ackedAt, { delivered: false, reason: 'cancelled' })
      const lostAt = await lostHere(this.#spool, stream, position)
      if (lostAt !== undefined) return this.#status('dead', lostAt, { delivered: false, reason: DAMAGED })
      this.#taken = true
    }
    if (expiresAt !== undefined && expiresAt <= ackedAt) return this.#status('expired', expiresAt, { delivered: false })
    return this.#status('delivered', ackedAt, { delivered: true })
  }

  async #lookLocal(fates: MessageFates): Promise<DeliveryStatus> {
    const { stream, position } = this.#places.at(-1)!
    const { arrivedAt, ending } = fates.of(stream, position)
    if (ending?.how === 'dead' && (await this.#isRedriven(fates, { stream, position })))
      return await this.#lookLocal(fates)
    if (ending !== undefined) {
      const { how, at, reason, result } = ending
      const more = { ...(reason !== undefined && { reason }), ...(result !== undefined && { result }) }
      return this.#status(STATE_OF[how], at, { delivered: true, ...more })
    }
    return arrivedAt === undefined ? this.#waiting() : this.#status('delivered', arrivedAt, { delivered: true })
  }

  /** It has arrived at another place since. */
  async #isRedriven(fates: MessageFates, from: { stream: string; position: number }): Promise<boolean> {
    const { channel, sentAt } = this.place
    const place = (await findDead(this.#spool, { ...from, channel, since: sentAt }))?.again?.place
    if (place === undefined) return false
    fates.want(place.stream, place.position, sentAt)
    await this.#lookAgain()
    if (fates.of(place.stream, place.position).arrivedAt === undefined) {
      fates.leave(place.stream, place.position)
      return false
    }
    this.#places.push(place)
    return true
  }

  #waiting(): DeliveryStatus {
    const { sentAt, expiresAt } = this.place
    if (expiresAt !== undefined && expiresAt <= this.#spool.system.clock.now())
      return this.#status('expired', expiresAt, { delivered: false })
    return this.#status('pending', sentAt, { delivered: false })
  }

  #status(state: DeliveryState, at: number, more: Pick<DeliveryStatus, 'delivered' | 'reason' | 'result'>) {
    const { peer, channel } = this.place
    return { peer, channel, state, at, ...more }
  }
}
