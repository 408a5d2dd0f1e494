import { DroprError } from '../errors.ts'
import type { Clock } from '../system/clock.ts'
import type { ConsumerAbout } from './attached.ts'
import {
  type Claim,
  type ClaimRequest,
  type ClaimRun,
  type InboxPort,
  type PeekRequest,
  releaseOf,
  type SteerRequest,
  type SteerResult,
  type Verdict,
  type VerdictResult
} from './inbox-port.ts'
import type { MoveAnswer, MoveRequest, MovesPort } from './move.ts'
import type { OwnerTarget } from './owner-target.ts'
import { ANSWER_MS_MAX, Patience } from './patience.ts'
import { isGone, orAborted, Silence } from './silence.ts'

const AGAIN_MS = 20
/** A step reads and writes megabytes, behind others. */
const MOVE_MS_MAX = 60_000

export interface RemotePortOptions {
  clock: Clock
  /** Its name, for as long as it lives: unique. */
  consumer: string
  about: ConsumerAbout
  /** Finds the owner, or becomes it. Rejects with OWNER_UNREACHABLE after a bounded time. */
  find: (signal: AbortSignal) => Promise<OwnerTarget>
}

interface HeldLease {
  /** Ticks, counted from before it was asked for: never later than the owner's. */
  until: number
  /** Messages without a verdict. */
  open: number
}

/**
 * A consumer that outlives the inbox's owners: finds the next one, says what it holds, and asks again what got no answer.
 *
 * Asking twice is harmless: a verdict told twice gets the same answer, and messages of a claim whose answer was lost come
 * back, in their place, when it tells the next owner what it holds.
 */
export class RemotePort implements InboxPort, MovesPort {
  onLost: (leases: string[]) => void = () => undefined
  readonly #options: RemotePortOptions
  readonly #held = new Map<string, HeldLease>()
  readonly #closing = new AbortController()
  readonly #patience: Patience
  #target: OwnerTarget | undefined
  #finding: Promise<OwnerTarget> | undefined

  constructor(options: RemotePortOptions) {
    this.#options = options
    this.#patience = new Patience(options.clock)
  }

  /** Finds the owner now, so that what keeps it from being found is known. */
  async attach(): Promise<this> {
    await this.#get()
    return this
  }

  async claim(request: ClaimRequest, signal?: AbortSignal): Promise<Claim> {
    const { clock } = this.#options
    const begun = clock.ticks()
    const deadline = begun + request.waitMs
    for (;;) {
      const target = await this.#get(signal)
      const asked = clock.ticks()
      const waitMs = Math.max(0, Math.min(request.waitMs, deadline - asked))
      const answer = target.claim({ ...request, waitMs }, signal)
      try {
        const claim = await this.#patience.within(Number.POSITIVE_INFINITY, answer, signal)
        if (claim.lease === '') return claim
        const { lease, runs, leaseMs, waitedMs = 0 } = claim
        const open = runs.reduce((sum, run) => sum + run.count, 0)
        this.#held.set(lease, { until: asked + waitedMs + leaseMs, open })
        // An earlier owner may have let us wait as well.
        return { ...claim, waitedMs: Math.floor(asked - begun) + waitedMs }
      } catch (error) {
        if (error instanceof Silence) void giveBackLate(target, answer)
        this.#checkGone(target, error)
      }
    }
  }

  async settle(verdicts: Verdict[]): Promise<VerdictResult[]> {
    const { clock } = this.#options
    const until = Math.max(...verdicts.map(({ lease }) => this.#held.get(lease)?.until ?? 0))
    for (;;) {
      const target = await this.#get()
      try {
        const msMax = Math.max(ANSWER_MS_MAX, until - clock.ticks())
        const results = await this.#patience.within(msMax, target.settle(verdicts))
        for (const [i, { lease, runs }] of verdicts.entries()) this.#settled(lease, runs, results[i]!)
        return results
      } catch (error) {
        this.#checkGone(target, error)
        if (clock.ticks() > until) throw error
      }
    }
  }

  async extend(leases: string[], leaseMs: number): Promise<{ lost: string[]; untilWall: number }> {
    const { clock } = this.#options
    for (;;) {
      const target = await this.#get()
      const asked = clock.ticks()
      try {
        const extended = await this.#patience.within(ANSWER_MS_MAX, target.extend(leases, leaseMs))
        for (const id of leases) {
          const lease = this.#held.get(id)
          if (lease !== undefined) lease.until = asked + leaseMs
        }
        this.#lose(extended.lost, false)
        return extended
      } catch (error) {
        this.#checkGone(target, error)
      }
    }
  }

  peek(request: PeekRequest): Promise<ClaimRun[]> {
    return this.#again(ANSWER_MS_MAX, target => target.peek(request))
  }

  steer(request: SteerRequest): Promise<SteerResult> {
    return this.#again(ANSWER_MS_MAX, target => target.steer(request))
  }

  move(request: MoveRequest): Promise<MoveAnswer> {
    return this.#again(MOVE_MS_MAX, target => target.move(request))
  }

  /** What may be asked twice, of one owner or the next. */
  async #again<T>(msMax: number, ask: (target: OwnerTarget) => Promise<T>): Promise<T> {
    for (;;) {
      const target = await this.#get()
      try {
        return await this.#patience.within(msMax, ask(target))
      } catch (error) {
        this.#checkGone(target, error)
      }
    }
  }

  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return
    this.#closing.abort()
    const target = this.#target ?? (await this.#finding?.catch(() => undefined))
    this.#target = undefined
    this.#held.clear()
    // Whoever owns it next gives back what we held: at the latest when the grace is over.
    if (target !== undefined)
      await this.#bye(target).catch((error: unknown) => {
        if (!isGone(error)) throw error
      })
  }

  /** One that is silent finds the line ended when it goes on, and takes back what we held. */
  async #bye(target: OwnerTarget): Promise<void> {
    const bye = target.bye()
    await this.#patience.within(ANSWER_MS_MAX, bye).catch(async (error: unknown) => {
      if (!(error instanceof Silence)) throw error
      target.end()
      await bye
    })
  }

  /** Throws what is not about a lost owner. */
  #checkGone(target: OwnerTarget, error: unknown): void {
    if (error instanceof Silence || !isGone(error) || this.#closing.signal.aborted) throw error
    if (this.#target === target) this.#target = undefined
  }

  #settled(id: string, runs: readonly [number, number][], result: VerdictResult): void {
    const lease = this.#held.get(id)
    if (lease === undefined) return
    if (result === 'ok') for (const [from, to] of runs) lease.open -= to - from
    if (lease.open <= 0) this.#held.delete(id)
  }

  #lose(leases: readonly string[], tell: boolean): void {
    const known = leases.filter(id => this.#held.delete(id))
    if (tell && known.length > 0) this.onLost(known)
  }

  #get(signal?: AbortSignal): Promise<OwnerTarget> {
    if (this.#closing.signal.aborted) return Promise.reject(new DroprError('CLOSED', 'the consumer is closed'))
    if (this.#target !== undefined) return Promise.resolve(this.#target)
    this.#finding ??= this.#find().finally(() => {
      this.#finding = undefined
    })
    return signal === undefined ? this.#finding : orAborted(this.#finding, signal)
  }

  async #find(): Promise<OwnerTarget> {
    const { clock, find } = this.#options
    for (;;) {
      const target = await find(this.#closing.signal)
      let gone = false
      target.onGone = () => {
        gone = true
        if (this.#target === target) this.#lostOwner()
      }
      target.onLost = leases => this.#lose(leases, true)
      try {
        const ticks = clock.ticks()
        const held = [...this.#held].map(([lease, { until }]) => ({ lease, remainingMs: Math.ceil(until - ticks) }))
        const still = held.filter(({ remainingMs }) => remainingMs > 0)
        this.#lose(
          await this.#patience.within(ANSWER_MS_MAX, target.attach(still, this.#options.consumer, this.#options.about)),
          true
        )
        if (gone) continue
        this.#target = target
        return target
      } catch (error) {
        if (error instanceof Silence || !isGone(error)) {
          target.onGone = () => undefined
          target.end()
          throw error
        }
        await clock.sleep(AGAIN_MS, this.#closing.signal)
      }
    }
  }

  /** What is held must be claimed from the next owner within its grace, also when nobody asks for anything. */
  #lostOwner(): void {
    this.#target = undefined
    const now = this.#options.clock.ticks()
    for (const [id, { until }] of this.#held) if (until <= now) this.#held.delete(id)
    if (this.#held.size > 0 && !this.#closing.signal.aborted) this.#get().catch(() => undefined)
  }
}

/** Nobody waits any more for what a silent owner then gives. */
async function giveBackLate(target: OwnerTarget, answer: Promise<Claim>): Promise<void> {
  try {
    const claim = await answer
    if (claim.lease !== '') await target.settle(releaseOf(claim))
  } catch {
    // It comes back when the lease ends.
  }
}
