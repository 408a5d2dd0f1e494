import type { Ending, MessageFates } from '../server/message-fates.ts'
import type { AckTail } from '../spool/ack-tail.ts'
import { readCancelled } from '../spool/cancelled.ts'
import { findDead } from '../spool/find-dead.ts'
import type { SentPlace } from '../spool/find-sent.ts'
import type { Spool } from '../spool/spool.ts'
import { type DeliveryState, type DeliveryStatus, isOver } from './status.ts'

const STATE_OF: Readonly<Record<Ending['how'], DeliveryState>> = {
  done: 'processed',
  dead: 'dead',
  expired: 'expired'
}

/** One copy of a message, followed from the outbox on: what the files of this node say became of it. */
export class Delivery {
  readonly place: SentPlace
  readonly #spool: Spool
  /** Of what this node sent to itself: the channel it lies in. */
  readonly fates: MessageFates | undefined
  /** What will not change any more. */
  #final: DeliveryStatus | undefined
  /** The peer has it, or is past it, and did not refuse it. */
  #taken = false

  constructor(spool: Spool, place: SentPlace, fates: MessageFates | undefined) {
    this.#spool = spool
    this.place = place
    this.fates = fates
    fates?.want(place.stream, place.position, place.sentAt)
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
    const status = this.fates === undefined ? await this.#lookRemote(acks) : this.#lookLocal(this.fates)
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
      if (dead !== undefined) return this.#status('dead', dead.at, { delivered: false, reason: dead.reason })
      const cancelled = await readCancelled(this.#spool.system.files, this.#spool.path, this.place.peer)
      if (cancelled?.has(stream, position))
        return this.#status('dead', ackedAt, { delivered: false, reason: 'cancelled' })
      this.#taken = true
    }
    if (expiresAt !== undefined && expiresAt <= ackedAt) return this.#status('expired', expiresAt, { delivered: false })
    return this.#status('delivered', ackedAt, { delivered: true })
  }

  #lookLocal(fates: MessageFates): DeliveryStatus {
    const { arrivedAt, ending } = fates.of(this.place.stream, this.place.position)
    if (ending !== undefined) {
      const { how, at, reason, result } = ending
      const more = { ...(reason !== undefined && { reason }), ...(result !== undefined && { result }) }
      return this.#status(STATE_OF[how], at, { delivered: true, ...more })
    }
    return arrivedAt === undefined ? this.#waiting() : this.#status('delivered', arrivedAt, { delivered: true })
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
