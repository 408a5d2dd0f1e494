import { DroprError } from '../errors.ts'
import type { Clock } from '../system/clock.ts'
import type { ChannelInbox } from './channel-inbox.ts'
import type { Claim, ClaimRequest } from './inbox-port.ts'
import type { LeaseBook, LeaseHolder } from './lease-book.ts'
import { ChannelLease } from './leases.ts'
import type { Block, Piece } from './pieces.ts'
import { WaitingClaims } from './waiting-claims.ts'

/** Somebody who asks for messages. */
export interface Asking {
  holder: LeaseHolder
  /** In the owner's own process. */
  own: boolean
  channels: readonly ChannelInbox[]
  request: ClaimRequest
  /** Called once. */
  resolve: (claim: Promise<Claim> | Claim) => void
  /** Ticks; when to answer that there is nothing. */
  deadline: number
}

const NOTHING: Claim = Object.freeze({ lease: '', leaseUntil: 0, leaseMs: 0, runs: [] })

/**
 * Gives messages to those who ask, in the order they asked; among the channels one asks for, the one served longest ago first.
 */
export class Claims {
  readonly #clock: Clock
  readonly #epoch: number
  readonly #book: LeaseBook
  readonly #waiting = new WaitingClaims()
  readonly #servedAt = new Map<ChannelInbox, number>()
  readonly #loading = new Set<ChannelInbox>()
  /** Waited for, and kept by their rate. */
  readonly #slowed = new Set<ChannelInbox>()
  readonly #onDeadline: () => void
  #served = 0
  #leases = 0

  /** @param options.onDeadline Called when the earliest deadline may be another one. */
  constructor(options: { clock: Clock; epoch: number; book: LeaseBook; onDeadline: () => void }) {
    this.#onDeadline = options.onDeadline
    this.#clock = options.clock
    this.#epoch = options.epoch
    this.#book = options.book
  }

  /** Resolves with what there is, or comes before the request's time is over. Rejects with ABORTED when `signal` aborts. */
  claim(who: Omit<Asking, 'resolve' | 'deadline'>, signal?: AbortSignal): Promise<Claim> {
    return new Promise((resolve, reject) => {
      const aborted = () => reject(new DroprError('ABORTED', 'nobody waits for messages any more'))
      if (signal?.aborted) return aborted()
      const asking: Asking = { ...who, resolve, deadline: this.#clock.ticks() + who.request.waitMs }
      if (this.ask(asking) || signal === undefined) return
      const cancel = () => {
        if (this.cancel(asking)) aborted()
      }
      signal.addEventListener('abort', cancel)
      asking.resolve = claim => {
        signal.removeEventListener('abort', cancel)
        resolve(claim)
      }
    })
  }

  /** Answers at once if it can, which is true; else when something comes, or with nothing at the deadline. */
  ask(asking: Asking): boolean {
    if (this.#give(asking)) return true
    if (asking.deadline <= this.#clock.ticks() && !this.#isLoading(asking)) {
      asking.resolve(NOTHING)
      return true
    }
    this.#waiting.add(asking)
    for (const channel of asking.channels) this.#noteRate(channel)
    return false
  }

  /** True when it was still waiting. */
  cancel(asking: Asking): boolean {
    return this.#waiting.remove(asking)
  }

  /** Something may be ready in a channel: gives it to those who wait. */
  serve(channel: ChannelInbox): void {
    for (let first = this.#waiting.first(channel); first !== undefined; first = this.#waiting.first(channel)) {
      if (!channel.handOut.ready || !this.#give(first)) {
        this.#noteRate(channel)
        return
      }
      this.cancel(first)
    }
  }

  /** Gives what rates let through by now. */
  servePaced(): void {
    for (const channel of this.#slowed) this.serve(channel)
  }

  /** Ticks when a rate lets the next message through to somebody who waits. */
  get firstPaced(): number | undefined {
    let first: number | undefined
    for (const channel of this.#slowed) {
      const at = this.#waiting.first(channel) ? channel.handOut.readyAt : undefined
      if (at === undefined) this.#slowed.delete(channel)
      else if (first === undefined || at < first) first = at
    }
    return first
  }

  #noteRate(channel: ChannelInbox): void {
    if (channel.handOut.readyAt !== undefined) this.#slowed.add(channel)
  }

  /** Answers those whose time is over. Who waits for something to be read is answered when that is done. */
  expire(ticks: number): void {
    for (const asking of this.#waiting.takeEnded(ticks, asking => this.#isLoading(asking))) asking.resolve(NOTHING)
  }

  /** Not later than the earliest deadline of those who wait, in ticks. */
  get firstDeadline(): number | undefined {
    return this.#waiting.firstDeadline
  }

  /** Everybody who waits. */
  waiting(): Asking[] {
    return this.#waiting.all()
  }

  #isLoading(asking: Asking): boolean {
    return this.#loading.size > 0 && asking.channels.some(channel => this.#loading.has(channel))
  }

  /** Takes what there is for somebody. False when there is nothing, or not yet. */
  #give(asking: Asking): boolean {
    const { request } = asking
    const ready = asking.channels.filter(channel => channel.handOut.ready)
    ready.sort((a, b) => (this.#servedAt.get(a) ?? 0) - (this.#servedAt.get(b) ?? 0))
    const taken = new Map<ChannelInbox, Piece[]>()
    let messages = 0
    let bytes = 0
    // First an equal share for each, then whatever is left for whoever has more.
    for (const round of [1, 2]) {
      for (const [i, channel] of ready.entries()) {
        const left = request.max - messages
        if (left <= 0 || (messages > 0 && bytes >= request.bytesMax)) break
        const share = round === 1 ? Math.ceil(left / (ready.length - i)) : left
        const part = channel.handOut.take(
          share,
          messages === 0 ? request.bytesMax : request.bytesMax - bytes,
          messages === 0
        )
        if (part.blocked !== undefined) {
          for (const [other, pieces] of taken) other.handOut.putBack(pieces)
          this.#load(channel, part.blocked)
          return false
        }
        if (part.messages === 0) continue
        messages += part.messages
        bytes += part.bytes
        taken.set(channel, [...(taken.get(channel) ?? []), ...part.pieces])
        this.#servedAt.set(channel, ++this.#served)
      }
      if (ready.length === 1) break
    }
    if (messages === 0) return false
    asking.resolve(this.#lease(asking, taken))
    return true
  }

  async #lease(asking: Asking, taken: ReadonlyMap<ChannelInbox, Piece[]>): Promise<Claim> {
    const { waitMs } = asking.request
    const leaseMs = asking.request.leaseMs ?? Math.min(...[...taken.keys()].map(channel => channel.policy().leaseMs))
    const id = `${this.#epoch}.${++this.#leases}`
    const untilWall = this.#clock.now() + leaseMs
    const channels = new Set(taken.keys())
    // Its time begins when it is given: on a slow disk it must not be over before its consumer hears of it.
    const booked = { id, holder: asking.holder, until: Number.POSITIVE_INFINITY, channels }
    this.#book.add(booked)
    const results = await Promise.allSettled(
      [...taken].map(([channel, pieces]) =>
        channel.handOut.lease(
          new ChannelLease(id, { untilWall, own: asking.own, consumer: asking.holder.consumer }),
          pieces
        )
      )
    )
    const failed = results.find(result => result.status === 'rejected')
    if (failed !== undefined) {
      for (const channel of channels) {
        const part = channel.state.leases.get(id)
        if (part !== undefined) void channel.verdicts.release(part).catch(() => undefined)
      }
      this.#book.set(booked, this.#clock.ticks() + leaseMs)
      this.#book.check(id)
      for (const channel of channels) this.serve(channel)
      throw failed.reason
    }
    // Its consumer is gone meanwhile: what it was given is somebody else's.
    if (this.#book.get(id) !== booked) return NOTHING
    const given = this.#clock.ticks()
    this.#book.set(booked, given + leaseMs)
    this.#onDeadline()
    const runs = results.flatMap(result => (result.status === 'fulfilled' ? result.value : []))
    if (runs.length === 0) return NOTHING
    return { lease: id, leaseUntil: untilWall, leaseMs, waitedMs: Math.floor(given - (asking.deadline - waitMs)), runs }
  }

  #load(channel: ChannelInbox, block: Block): void {
    if (this.#loading.has(channel)) return
    this.#loading.add(channel)
    channel
      .load(block)
      .catch((error: unknown) => {
        for (const asking of this.#waiting.in(channel)) {
          this.cancel(asking)
          asking.resolve(Promise.reject(error))
        }
      })
      .finally(() => {
        this.#loading.delete(channel)
        this.serve(channel)
        this.expire(this.#clock.ticks())
        this.#onDeadline()
      })
  }
}
