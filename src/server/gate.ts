import type { ChannelPolicy } from '../limits.ts'
import type { Clock } from '../system/clock.ts'
import type { ChannelState } from './channel-state.ts'
import { Pace } from './pace.ts'

/** How many messages of a channel consumers may be given now: none while it is paused, else what its policy says. */
export class Gate {
  readonly #clock: Clock
  readonly #policy: () => ChannelPolicy
  readonly #state: ChannelState
  readonly #pace = new Pace()
  /** Messages taken that are not yet under a lease. */
  #inHand = 0

  constructor(options: { system: { clock: Clock }; policy: () => ChannelPolicy; state: ChannelState }) {
    this.#clock = options.system.clock
    this.#policy = options.policy
    this.#state = options.state
  }

  allowed(): number {
    const policy = this.#policy()
    const rate = policy.handOutsPerSecondMax
    const free = this.#free(policy)
    return rate === 0 || free === 0 ? free : Math.min(free, this.#pace.allowed(rate, this.#clock.ticks()))
  }

  /** Ticks when some may go, where nothing but the rate keeps them. */
  get opensAt(): number | undefined {
    const policy = this.#policy()
    const rate = policy.handOutsPerSecondMax
    if (rate === 0 || this.#free(policy) === 0) return undefined
    return this.#pace.allowed(rate, this.#clock.ticks()) > 0 ? undefined : this.#pace.next(rate)
  }

  /** So many were taken: to be leased, or put back. */
  take(messages: number): void {
    this.#inHand += messages
    if (this.#policy().handOutsPerSecondMax > 0) this.#pace.spend(messages)
  }

  lease(messages: number): void {
    this.#inHand -= messages
  }

  putBack(messages: number): void {
    this.#inHand -= messages
    if (this.#policy().handOutsPerSecondMax > 0) this.#pace.spend(-messages)
  }

  /** How many more may be held at once. */
  #free({ leasedMax }: ChannelPolicy): number {
    const { pausedAt, counts } = this.#state
    if (pausedAt !== undefined) return 0
    return leasedMax === 0 ? Number.POSITIVE_INFINITY : Math.max(0, leasedMax - counts.leased - this.#inHand)
  }
}
