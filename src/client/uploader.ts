import { DroprError } from '../errors.ts'
import type { Range } from '../spool/range.ts'
import type { Refusal, UploadAnswer, UploadRequest } from '../wire/upload.ts'
import { type Failure, failureOf, localFailure } from './failure.ts'
import { flightsAllowed, freshPace, type Pace, paceAfterFailure, paceAfterLoss, paceAfterProgress } from './pace.ts'
import type { StreamSource } from './stream-source.ts'
import { uploadRequest } from './upload-request.ts'
import type { Outcome, UploaderOptions } from './uploader-options.ts'
import { addFlight, cutToGap, type Flight, findingOf, firstGap, removeFlight } from './window.ts'

/**
 * Sends one stream: a window of ranges, several on their way, from what the peer is known to have on.
 *
 * Whatever an answer says, what comes next follows from two facts: how far the peer has the stream, and which ranges are on
 * their way. The first position that is neither is sent next. A lost range leaves a gap, so it is sent again before anything new.
 */
export class Uploader {
  readonly source: StreamSource
  /** When it was last given a slot, in steps: the longest unserved goes first among equals. */
  servedAt = 0
  readonly #options: UploaderOptions
  readonly #flights: Flight[] = []
  #bytes = 0
  #acked: number
  #pace: Pace
  #reading = false
  /** A large body is on its way: what comes behind it waits. */
  #carrying = false
  #more = true
  #hints = 0
  #failedAt = 0
  #lostAt = 0
  #narrowedAt = 0
  #failure: (Failure & { at: number }) | undefined
  #ackedCount = 0
  #refusedCount = 0

  /** @param options.ledger Its `settled` is where the stream goes on. */
  constructor(options: UploaderOptions) {
    this.#options = options
    this.source = options.source
    this.#acked = options.ledger.settled
    this.#pace = freshPace(options.limits)
  }

  get acked(): number {
    return this.#acked
  }

  get flights(): number {
    return this.#flights.length
  }

  /** Slots it uses. */
  get turns(): number {
    return this.#flights.length + (this.#reading ? 1 : 0)
  }

  /** Positions the peer said it has, and messages it refused for good, since this began. */
  get counts(): { acked: number; refused: number } {
    return { acked: this.#ackedCount, refused: this.#refusedCount }
  }

  get pace(): Pace {
    return this.#pace
  }

  /** The trouble this stream has of its own, until there is progress. */
  get failure(): (Failure & { at: number }) | undefined {
    const failure = this.#options.ledger.failure
    return failure === undefined ? this.#failure : { ...failure, at: this.#options.system.clock.now() }
  }

  /** The peer has all of it, and no more can come. */
  get delivered(): boolean {
    return this.source.ended !== undefined && this.#acked >= this.source.ended
  }

  /** As `delivered`, and all of it is on record. */
  get finished(): boolean {
    return this.delivered && this.#flights.length === 0 && !this.#reading && this.#options.ledger.idle
  }

  /** There may be something to send, if not now. */
  get hopeful(): boolean {
    return this.#more && !this.delivered
  }

  /** Something may have been appended. */
  hint(): void {
    this.#hints++
    this.#more = true
  }

  /** Somebody wants it tried now. */
  kick(): void {
    this.#pace = { ...this.#pace, retryAt: 0 }
    this.hint()
  }

  /** A slot could be used now. */
  ready(now: number): boolean {
    if (!this.#more || this.#reading || this.#carrying || now < this.#pace.retryAt) return false
    const { failure, refusing } = this.#options.ledger
    if (this.delivered || failure !== undefined || refusing) return false
    const underWay = { flights: this.#flights.length, bytes: this.#bytes }
    return underWay.flights < flightsAllowed(underWay, this.#pace, this.#options.limits)
  }

  /** Reads what to send next. Undefined: nothing now. Never rejects. */
  async prepare(): Promise<Range | undefined> {
    this.#reading = true
    try {
      for (;;) {
        const hints = this.#hints
        const gap = firstGap(this.#acked, this.#flights)
        const range = await this.source.read(gap, this.#pace.rangeBytes)
        // Answers came in while the disk was read.
        if (this.#options.system.clock.ticks() < this.#pace.retryAt) return undefined
        if (firstGap(this.#acked, this.#flights) !== gap) continue
        if (range !== undefined) {
          const cut = cutToGap(range, gap, this.#flights)
          if (this.source.idle === true && cut.to === this.source.known && hints === this.#hints) this.#more = false
          return cut
        }
        if (hints !== this.#hints) continue
        this.#more = false
        return undefined
      }
    } catch (error) {
      this.backOff(localFailure(error, `read stream ${this.source.stream}`), this.#options.steps.next())
      return undefined
    } finally {
      this.#reading = false
    }
  }

  /**
   * Sends a range. Resolves when it was answered or given up; never rejects.
   *
   * @param judge Told what became of it before anybody can ask again for what to send.
   */
  async fly(range: Range, judge: (outcome: Outcome) => void): Promise<void> {
    const { steps, transport, peer, signal, removals, blobs: carrier } = this.#options
    const blob = 'blob' in range ? range : undefined
    this.#carrying = blob !== undefined
    const removed = blob === undefined ? (removals?.take() ?? []) : []
    const bytes = range.skip === undefined ? range.entries.length : 0
    const flight: Flight = { from: range.from, to: range.to, bytes, began: steps.next(), ackedThen: this.#acked }
    addFlight(this.#flights, flight)
    this.#bytes += bytes
    let failure: Failure | undefined
    let answer: UploadAnswer | undefined
    try {
      const upload = (request: UploadRequest) => transport.upload(peer, request, signal)
      const about = () => ({ about: this.#request(range, []), upload })
      const next = blob && carrier ? await carrier.next(this.source, blob, about()) : range
      if (next !== undefined) answer = await upload(this.#request(next, removed))
      if (answer?.unused === true) this.source.done?.(range)
    } catch (error) {
      failure = failureOf(error)
    }
    removals?.answered(removed, answer?.removed)
    if (blob !== undefined) this.#carrying = false
    removeFlight(this.#flights, flight)
    this.#bytes -= bytes
    const next = answer?.next ?? failure?.next
    if (next !== undefined && flight.began > this.#lostAt) {
      failure = this.#learn(flight, next, answer?.refused ?? [], failure)
    }
    // The gap it left is there to be read, whatever was found at the end of the stream.
    if (firstGap(this.#acked, this.#flights) < flight.to) this.hint()
    judge({ flight, failure })
  }

  /** This stream had trouble of its own. What was on its way before the last failure is part of that one. */
  backOff(failure: Failure, began: number): void {
    const { system, limits, steps } = this.#options
    this.#failure = { ...failure, at: system.clock.now() }
    if (began < this.#failedAt) return
    this.#failedAt = steps.next()
    const at = system.clock.ticks()
    const time = { at, chance: system.random.next(), retryAfterMs: failure.retryAfterMs }
    this.#pace = paceAfterFailure(this.#pace, time, limits)
  }

  /** Its peer had trouble: smaller ranges, no wait of its own. */
  lost(): void {
    this.#pace = paceAfterLoss(this.#pace, this.#options.limits)
  }

  /** Writes down what is known. No uploads are under way any more. */
  close(): Promise<void> {
    return this.#options.ledger.close()
  }

  /** @returns What of this is a failure. */
  #learn(
    flight: Flight,
    next: number,
    refused: readonly Refusal[],
    conflict: Failure | undefined
  ): Failure | undefined {
    const { ledger, limits } = this.#options
    const finding = findingOf(flight, next)
    if (finding === 'lost') return this.#fellBack(flight, next)
    if (conflict === undefined) {
      if (next > this.#acked) {
        this.#ackedCount += next - this.#acked
        this.#acked = next
      }
      this.#refusedCount += ledger.note(next, refused)
    }
    // A conflict says nothing of refusals. What it says is here is sent again: the answer to that tells all.
    if (finding === 'progress' && conflict === undefined) {
      this.#pace = paceAfterProgress(this.#pace, limits)
      this.#failure = undefined
      return undefined
    }
    // The first time at once, but one by one: an earlier range was lost, and the others on their way could not be joined either.
    if (flight.began < this.#narrowedAt) return undefined
    if (!this.#pace.narrow) {
      this.#pace = { ...this.#pace, narrow: true }
      this.#narrowedAt = this.#options.steps.next()
      return undefined
    }
    const text = `peer ${this.#options.peer.name} stays at position ${next} of stream ${this.source.stream}`
    return conflict ?? failureOf(new DroprError('STREAM_CONFLICT', text))
  }

  /** The peer lost its disk, or went back to a backup: what we still hold is sent again. */
  #fellBack(flight: Flight, next: number): Failure {
    const { ledger, peer, steps, system } = this.#options
    this.#lostAt = steps.next()
    const { stream, channel } = this.source
    const text = `peer ${peer.name} had stream ${stream} up to ${flight.ackedThen} and now says ${next}: sent again from there`
    system.log.error({ code: 'PEER_FELL_BACK', peer: peer.name, stream, channel, was: flight.ackedThen, next }, text)
    this.#acked = next
    ledger.lower(next)
    return failureOf(new DroprError('STREAM_CONFLICT', text))
  }

  #request(range: Range, removed: readonly string[]): UploadRequest {
    const { origin, node, system, ledger } = this.#options
    const { stream, channel, priority } = this.source
    const nonce = system.random.bytes(12).toString('hex')
    const about = { origin, node, stream, channel, priority, nonce, settled: ledger.settled }
    return uploadRequest(removed.length === 0 ? about : { ...about, removed }, range)
  }
}
