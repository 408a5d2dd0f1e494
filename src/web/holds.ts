import { DroprError } from '../errors.ts'
import type { LargeBody } from '../queue/body-reader.ts'
import { HeldMessage } from '../queue/held-message.ts'
import type { Message } from '../queue/message.ts'
import type { Duration } from '../queue/options.ts'
import type { Clock } from '../system/clock.ts'
import type { Random } from '../system/random.ts'

/** 128 bits: nobody guesses one. */
const TOKEN_BYTES = 16
/** What is over is known for so long, so that a verdict told late hears that it is late from the owner. */
const LATE_MS = 60_000
/** What got all its verdicts is kept for those who tell them twice, since the answer was lost. */
const SETTLED_MAX = 10_000
const SWEEP_EVERY = 1_000

/** What one poll gave, in the hands of somebody beyond HTTP. */
export interface Hold {
  /** The token by which verdicts are given. */
  readonly lease: string
  readonly messages: readonly Message[]
  /** Large ones, by position: they may be read again. */
  readonly bodies: ReadonlyMap<number, LargeBody>
  /** Positions without an answered verdict. */
  readonly open: Set<number>
  /** Ticks; when its lease is over unless it is extended. */
  until: number
}

/**
 * Leases whose holders are not connected between their calls: what is held is known by its token alone, and comes back when
 * the lease ends. In memory: over a restart of this process everything held comes back at once.
 */
export class Holds {
  readonly #clock: Clock
  readonly #random: Random
  readonly #held = new Map<string, Hold>()
  readonly #settled = new Map<string, Hold>()
  #added = 0

  constructor(options: { clock: Clock; random: Random }) {
    this.#clock = options.clock
    this.#random = options.random
  }

  get size(): number {
    return this.#held.size + this.#settled.size
  }

  /** @param messages Of one lease, at least one; their bodies are let go of, but for large ones. */
  add(messages: readonly Message[]): Hold {
    const bodies = new Map<number, LargeBody>()
    for (const [position, message] of messages.entries()) {
      if (!(message instanceof HeldMessage)) continue
      const body = message.letGo()
      if (body !== undefined) bodies.set(position, body)
    }
    const lease = this.#random.bytes(TOKEN_BYTES).toString('base64url')
    const hold: Hold = { lease, messages, bodies, open: new Set(messages.keys()), until: this.#endOf(messages[0]!) }
    this.#held.set(lease, hold)
    if (++this.#added % SWEEP_EVERY === 0) this.#sweep()
    return hold
  }

  /** @throws DroprError LEASE_LOST for a token that was never given, or is over since long. */
  find(lease: string): Hold {
    const hold = this.#held.get(lease) ?? this.#settled.get(lease)
    if (hold === undefined) throw new DroprError('LEASE_LOST', 'no such lease is held')
    return hold
  }

  /**
   * The large body of a message that is held.
   *
   * @throws DroprError LEASE_LOST when it is not held any more; TypeError for a position that has none.
   */
  body(lease: string, position: number): LargeBody {
    const hold = this.find(lease)
    const body = hold.bodies.get(position)
    if (body === undefined) throw new TypeError(`there is no large body at position ${position}`)
    if (!hold.open.has(position) || hold.until < this.#clock.ticks())
      throw new DroprError('LEASE_LOST', 'its message is not held any more')
    return body
  }

  /** A verdict on this position was answered. */
  settled(hold: Hold, position: number): void {
    hold.open.delete(position)
    if (hold.open.size > 0 || !this.#held.delete(hold.lease)) return
    this.#settled.set(hold.lease, hold)
    if (this.#settled.size > SETTLED_MAX) this.#settled.delete(this.#settled.keys().next().value!)
  }

  /**
   * Makes the lease end so long from now. Gives its new end, wall ms.
   *
   * @throws DroprError LEASE_LOST when it is over, or nothing is held by it any more.
   */
  async extend(lease: string, by: Duration | undefined): Promise<number> {
    const hold = this.find(lease)
    for (const position of hold.open) {
      const message = hold.messages[position]!
      try {
        await message.extend(by)
        hold.until = this.#endOf(message)
        return message.leaseUntil
      } catch (error) {
        // Its verdict may be on its way: one of the others will do.
        if (!(error instanceof DroprError) || error.code !== 'LEASE_LOST') throw error
      }
    }
    throw new DroprError('LEASE_LOST', 'nothing is held by this lease any more')
  }

  /** Nobody has heard of it: everything waits again, in its place. With a reason it was an attempt that failed. */
  giveBack(hold: Hold, failed?: string): void {
    this.#held.delete(hold.lease)
    for (const message of hold.messages) {
      if (!(message instanceof HeldMessage)) continue
      if (failed === undefined) message.settle('release')
      else message.settle('retry', { reason: failed })
    }
  }

  #endOf(message: Message): number {
    return this.#clock.ticks() + Math.max(0, message.leaseUntil - this.#clock.now())
  }

  #sweep(): void {
    const now = this.#clock.ticks()
    for (const [lease, hold] of this.#held) if (hold.until + LATE_MS < now) this.#held.delete(lease)
  }
}
