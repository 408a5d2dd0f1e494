import type { Clock } from '../system/clock.ts'

/** Clock.sleep takes at most an hour. */
const SLEEP_MS_MAX = 3_600_000

/** One hand-out, as its consumer sees it: the token, how long it holds, and who wants to know when it is lost. */
export class Lease {
  readonly id: string
  /** What was asked for, and is asked for again when it is renewed. */
  readonly ms: number
  /** Wall ms, as the owner said. */
  until: number
  /** Monotonic: when it is over for certain. Counted from before the claim was sent, so never later than the owner's. */
  untilTicks: number
  /** Positions without an answered verdict. */
  open: number
  lost = false
  #controllers: Set<AbortController> | undefined

  constructor(given: { id: string; ms: number; until: number; untilTicks: number; open: number }) {
    this.id = given.id
    this.ms = given.ms
    this.until = given.until
    this.untilTicks = given.untilTicks
    this.open = given.open
  }

  /** A controller that aborts when the lease is lost. From the first one on somebody looks at the clock. */
  controller(clock: Clock): AbortController {
    const controller = new AbortController()
    if (this.lost) controller.abort(this.#reason())
    else if (this.#controllers === undefined) {
      this.#controllers = new Set([controller])
      void this.#watch(clock)
    } else this.#controllers.add(controller)
    return controller
  }

  lose(): void {
    if (this.lost) return
    this.lost = true
    for (const controller of this.#controllers ?? []) controller.abort(this.#reason())
  }

  async #watch(clock: Clock): Promise<void> {
    while (!this.lost && this.open > 0) {
      const ms = this.untilTicks - clock.ticks()
      if (ms <= 0) return this.lose()
      await clock.sleep(Math.min(Math.ceil(ms), SLEEP_MS_MAX))
    }
  }

  #reason(): Error {
    return new Error(`lease ${this.id} is over: the message is or will be handed out again`)
  }
}

/** So many new leases between two looks for old ones that nobody gave a verdict on. */
const SWEEP_EVERY = 1_000

/** The leases this process holds, by token. */
export class Leases {
  readonly #open = new Map<string, Lease>()
  readonly #clock: Clock
  #added = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get count(): number {
    return this.#open.size
  }

  add(lease: Lease): void {
    this.#open.set(lease.id, lease)
    if (++this.#added % SWEEP_EVERY !== 0) return
    const now = this.#clock.ticks()
    for (const old of this.#open.values()) if (old.untilTicks < now - old.ms) this.lose([old.id])
  }

  remove(lease: Lease): void {
    this.#open.delete(lease.id)
  }

  lose(ids: Iterable<string>): void {
    for (const id of ids) {
      this.#open.get(id)?.lose()
      this.#open.delete(id)
    }
  }

  loseAll(): void {
    this.lose([...this.#open.keys()])
  }
}
