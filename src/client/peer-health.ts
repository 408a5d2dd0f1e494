import type { Limits } from '../limits.ts'
import type { Clock } from '../system/clock.ts'
import type { Log } from '../system/log.ts'
import type { Random } from '../system/random.ts'
import type { PeerStatus, StatusError } from './client-status.ts'
import type { Failure } from './failure.ts'
import {
  afterAnswer,
  afterFailure,
  afterSuccess,
  type Feedback,
  freshFeedback,
  kicked,
  peerState,
  uploadsAllowed
} from './feedback.ts'
import type { Steps } from './steps.ts'
import type { Outcome } from './uploader-options.ts'

/** What judging needs of a stream: whether a failure was its own. */
export interface Suspect {
  readonly source: { readonly stream: string }
  /** The failure is this stream's: it alone waits. */
  backOff(failure: Failure, began: number): void
  /** The failure is the peer's. */
  lost(): void
}

export interface PeerHealthOptions {
  name: string
  system: { clock: Clock; random: Random; log: Log }
  limits: Limits
  steps: Steps
}

/**
 * Judges what became of uploads: whether a peer is in trouble, or one of its streams.
 *
 * Ranges that were on their way together and fail together are one failure. A failure is the stream's own when the peer has
 * answered another upload since it began. And as long as all failures come from one stream, another one may try, whatever the
 * back-off: its answer acquits the peer, its failure convicts it.
 */
export class PeerHealth {
  readonly #options: PeerHealthOptions
  #feedback: Feedback
  #since: number
  #lastError: StatusError | undefined
  #answeredAt = 0
  #failedAt = 0
  #suspect: { stream: Suspect; failure: Failure } | undefined
  /** Wall ms since when a person wants nothing sent; undefined: it is sent to. */
  pausedAt: number | undefined

  constructor(options: PeerHealthOptions) {
    this.#options = options
    this.#feedback = freshFeedback(options.limits)
    this.#since = options.system.clock.now()
  }

  get retryAt(): number {
    return this.#feedback.retryAt
  }

  /** How long nothing goes to it, ms: a person wants that, or it has failed again and again and the next try is not due. */
  restMs(now: number): number {
    if (this.pausedAt !== undefined) return Number.POSITIVE_INFINITY
    return peerState(this.#feedback) === 'dead' ? Math.max(0, this.#feedback.retryAt - now) : 0
  }

  /** Uploads at once, if none of them fails. */
  get open(): number {
    return Math.floor(this.#feedback.open)
  }

  allowed(now: number): number {
    return this.pausedAt === undefined ? uploadsAllowed(this.#feedback, now) : 0
  }

  /** The stream that all failures since the last answer came from. */
  get suspect(): Suspect | undefined {
    return this.pausedAt === undefined ? this.#suspect?.stream : undefined
  }

  kick(): void {
    this.#feedback = kicked(this.#feedback)
  }

  status(): Pick<PeerStatus, 'state' | 'since' | 'pausedAt' | 'failures' | 'lastError' | 'nextTryAt'> {
    const { failures, retryAt } = this.#feedback
    const { pausedAt } = this
    const waits = failures > 0 && pausedAt === undefined
    return {
      state: peerState(this.#feedback),
      since: this.#since,
      pausedAt,
      failures,
      lastError: this.#lastError,
      nextTryAt: waits ? wallOf(this.#options.system.clock, retryAt) : undefined
    }
  }

  judge(stream: Suspect, { flight, failure }: Outcome): void {
    const { limits } = this.#options
    if (failure === undefined) this.#answered(stream, afterSuccess(this.#feedback, limits))
    else if (failure.scope === 'stream') {
      this.#answered(stream, afterAnswer(this.#feedback))
      stream.backOff(failure, flight.began)
    } else if (flight.began < this.#answeredAt) stream.backOff(failure, flight.began)
    else {
      stream.lost()
      if (flight.began > this.#failedAt) this.#failed(stream, failure)
    }
  }

  #answered(stream: Suspect, feedback: Feedback): void {
    this.#answeredAt = this.#options.steps.next()
    const suspect = this.#suspect
    this.#suspect = undefined
    this.#move(feedback)
    if (suspect !== undefined && suspect.stream !== stream) suspect.stream.backOff(suspect.failure, this.#answeredAt)
  }

  #failed(stream: Suspect, failure: Failure): void {
    const { limits, steps, system } = this.#options
    this.#failedAt = steps.next()
    if (this.#feedback.failures === 0) this.#suspect = { stream, failure }
    else if (this.#suspect?.stream !== stream) this.#suspect = undefined
    this.#lastError = { code: failure.code, text: failure.text, at: system.clock.now() }
    const time = { at: system.clock.ticks(), chance: system.random.next(), retryAfterMs: failure.retryAfterMs }
    this.#move(afterFailure(this.#feedback, time, limits), failure)
  }

  #move(feedback: Feedback, failure?: Failure): void {
    const was = peerState(this.#feedback)
    const state = peerState(feedback)
    this.#feedback = feedback
    if (state === was) return
    const { name, system } = this.#options
    this.#since = system.clock.now()
    const fields = { code: failure?.code, peer: name, state, failures: feedback.failures, error: failure?.text }
    if (failure === undefined) system.log.info(fields, 'the peer answers again')
    else system.log.warn(fields, 'the peer is in trouble')
  }
}

/** The wall time of a moment given in ticks; undefined when it has passed. */
export function wallOf(clock: Clock, ticks: number): number | undefined {
  return ticks <= clock.ticks() ? undefined : clock.now() + Math.ceil(ticks - clock.ticks())
}
