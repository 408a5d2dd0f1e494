import { DroprError } from '../../src/errors.ts'
import type { Verdict, VerdictResult } from '../../src/server/inbox-port.ts'
import type { SimClock } from '../../src/system/sim/index.ts'
import { Holds } from './holds.ts'
import { wrongWith } from './later.ts'
import { compareFences, fenceOf, type Ledger, type Sent } from './ledger.ts'
import type { Sometimes } from './sometimes.ts'
import { Steered } from './steered.ts'
import type { Trace } from './trace.ts'
import { type PromiseName, Violation } from './violation.ts'

/** Which process on which node. */
export interface Who {
  site: string
  /** Unique: a restarted process is another one. */
  consumer: string
}

/** A message as a claim names it. */
export interface Handed {
  token: number
  channel: string
  priority: number
  stream: string
  position: number
  deliveries: number
  sentAt: number
  headers: Readonly<Record<string, string>>
}

/** Hears everything that was promised and everything that happened, and compares. */
export class Checker {
  readonly ledger: Ledger
  readonly holds = new Holds()
  readonly steered = new Steered()
  readonly violations: Violation[] = []
  /** The latest that the wall clock of a node ever showed. */
  wallMaxOf: (site: string) => number = () => Number.POSITIVE_INFINITY
  readonly #clock: SimClock
  readonly #trace: Trace
  readonly #sometimes: Sometimes
  /** Where a (stream, position) of a site's inbox was handed out, by message. */
  readonly #places = new Map<string, Sent>()

  constructor(options: { clock: SimClock; trace: Trace; sometimes: Sometimes; ledger: Ledger }) {
    this.#clock = options.clock
    this.#trace = options.trace
    this.#sometimes = options.sometimes
    this.ledger = options.ledger
  }

  violated(promise: PromiseName, text: string): void {
    this.#trace.note(`VIOLATION ${promise}: ${text}`)
    this.violations.push(new Violation(promise, this.#clock.ticks(), text))
  }

  resolved(sent: Sent, receipt: { durability: string }): void {
    this.#trace.note(`#${sent.token} is sent`)
    sent.resolvedAt ??= this.#clock.ticks()
    if (receipt.durability !== (sent.buffered ? 'buffered' : 'synced'))
      this.violated('P1', `#${sent.token}: the receipt says ${receipt.durability}`)
    if (sent.buffered) this.#sometimes.saw('buffered')
  }

  /** Its sender was told that it is on the disk of the node it is for. */
  delivered(sent: Sent): void {
    this.#trace.note(`#${sent.token}: its sender is told that it is there`)
    this.#sometimes.saw('told delivered')
    sent.delivered = true
  }

  /** Its sender was told that a consumer has acknowledged it. */
  settled(sent: Sent, result: unknown): void {
    this.#trace.note(`#${sent.token}: its sender is told that it is done`)
    this.#sometimes.saw('told settled')
    if (!sent.acked) this.violated('P4', `#${sent.token} is said to be done, and no consumer has said so`)
    if (result !== undefined && result !== sent.token)
      this.violated('P4', `#${sent.token} is said to be done with the result ${JSON.stringify(result)}`)
  }

  /** Its sender was told that it will not be processed. */
  failed(sent: Sent, code: string): void {
    this.#trace.note(`#${sent.token}: its sender is told ${code}`)
    this.#sometimes.saw(`told ${code}`)
    // What was cancelled is dead without a letter.
    if (code === 'MESSAGE_DEAD') sent.toldDead = !sent.cancelled
    else if (code !== 'MESSAGE_EXPIRED' || sent.expiresAt === undefined)
      this.violated('P4', `#${sent.token} is said to have ended: ${code}`)
  }

  rejected(sent: Sent, error: unknown): void {
    this.#sometimes.saw('rejected send')
    this.#trace.note(`#${sent.token} was rejected: ${String(error)}`)
    if (!(error instanceof DroprError)) this.violated('P10', `a send was rejected without a code: ${describe(error)}`)
  }

  handed(who: Who, claim: { lease: string; granted: number; until: number }, messages: readonly Handed[]): void {
    for (const [index, message] of messages.entries()) this.#handed(who, { ...claim, index }, message)
  }

  #handed(who: Who, claim: { lease: string; granted: number; until: number; index: number }, message: Handed): void {
    const { token, stream, position, deliveries } = message
    const { lease, granted, until, index } = claim
    const now = this.#clock.ticks()
    this.#trace.note(
      `#${token} to ${who.consumer}, lease ${lease}, delivery ${deliveries}, ${stream.slice(0, 6)}:${position}`
    )
    const sent = this.ledger.get(token)
    if (sent === undefined) {
      this.violated('P4', `a message that nobody sent: #${token}`)
      return
    }
    if (sent.to !== who.site || sent.channel !== message.channel || sent.priority !== message.priority)
      this.violated('P4', `#${token} for ${sent.to}/${sent.channel} came to ${who.site}/${message.channel}`)
    const wrong = wrongWith(sent, message, this.wallMaxOf(sent.from))
    if (wrong !== undefined) this.violated('P8', wrong)
    const steered = this.steered.wrongWith(sent, granted)
    if (steered !== undefined) this.violated('P5', steered)
    this.#place(sent, `${stream}:${position}`)
    if (deliveries > 1) this.#sometimes.saw('redelivery')
    if (deliveries > 1 && this.ledger.waitsFor(sent)) this.#sometimes.saw('waits for its key')
    const fence = fenceOf(lease)
    for (const other of sent.handOuts) {
      const later = compareFences(fence, other.lease)
      const more = deliveries - other.deliveries
      if (later === 0 || more === 0 || later > 0 !== more > 0) {
        const were = `lease ${other.lease.join('.')}, delivery ${other.deliveries}`
        this.violated('P4', `#${token} handed out under lease ${lease} as delivery ${deliveries}, and under ${were}`)
      }
    }
    const { finished } = sent
    if (finished !== undefined && compareFences(fence, finished.lease) > 0)
      this.violated(
        'P4',
        `#${token} was ${finished.verdict}ed under ${finished.lease.join('.')}, and handed out under ${lease}`
      )
    sent.handOuts.push({ lease: fence, index, deliveries, consumer: who.consumer, at: now })
    const against = this.holds.take(token, { ...who, lease, until }, now)
    if (against !== undefined) {
      const other = `${against.consumer} has it under ${against.lease} for ${(against.until - now).toFixed(1)} ms more`
      this.violated('P5', `#${token} was handed to ${who.consumer} under ${lease} while ${other}`)
    }
  }

  #place(sent: Sent, place: string): void {
    const promise = sent.later !== undefined ? 'P8' : sent.id === undefined ? 'P4' : 'P2'
    if (sent.redriven && sent.place !== undefined && sent.place !== place) this.#again(sent)
    if (isForgotten(sent) && sent.place !== place)
      Object.assign(sent, { place: undefined, handOuts: [], finished: undefined, moved: true })
    sent.place ??= place
    if (sent.place !== place) this.violated(promise, `#${sent.token} is in the inbox twice: ${sent.place} and ${place}`)
    const there = this.#places.get(place)
    if (there === undefined) this.#places.set(place, sent)
    else if (there !== sent) this.violated('P4', `${place} was #${there.token} and is #${sent.token}`)
  }

  /** A dead letter came back: nothing that was counts any more. */
  #again(sent: Sent): void {
    this.#sometimes.saw('came again after a redrive')
    Object.assign(sent, { place: undefined, handOuts: [], finished: undefined, dead: undefined })
    Object.assign(sent, { redriven: false, awaited: false, moved: true })
  }

  /** A consumer is telling verdicts: what it held may be anybody's from now on. */
  telling(who: Who, verdicts: readonly Verdict[]): void {
    for (const verdict of verdicts)
      for (const sent of this.#meant(verdict)) {
        if (verdict.verdict === 'ack') sent.acked = true
        this.holds.leave(who.site, verdict.lease, sent.token)
      }
  }

  told(who: Who, verdicts: readonly Verdict[], results: readonly VerdictResult[]): void {
    for (const [i, verdict] of verdicts.entries())
      for (const sent of this.#meant(verdict)) this.#told(who, sent, verdict, results[i]!)
  }

  #told(who: Who, sent: Sent, { lease, verdict }: Verdict, result: VerdictResult): void {
    this.#trace.note(`#${sent.token} ${verdict} by ${who.consumer}, lease ${lease}: ${result}`)
    if (result === 'LEASE_LOST') this.#sometimes.saw('refused verdict')
    if (result === 'LEASE_LOST' || (verdict !== 'ack' && verdict !== 'reject')) return
    const fence = fenceOf(lease)
    const later = sent.handOuts.find(other => compareFences(other.lease, fence) > 0)
    if (later !== undefined)
      this.violated(
        'P5',
        `#${sent.token}: ${verdict} under ${lease} obeyed after it was handed out under ${later.lease.join('.')}`
      )
    const { finished } = sent
    if (finished !== undefined && compareFences(finished.lease, fence) !== 0)
      this.violated('P5', `#${sent.token} was finished under ${finished.lease.join('.')} and under ${lease}`)
    sent.finished = { lease: fence, verdict }
  }

  #meant({ stream, runs }: Verdict): Sent[] {
    const meant: Sent[] = []
    for (const [from, to] of runs)
      for (let position = from; position < to; position++) {
        const place = `${stream}:${position}`
        const sent = this.#places.get(place)
        if (sent?.place === place) meant.push(sent)
      }
    return meant
  }
}

/** It may come again under its id, which its receiver knew from the bytes in which a bit was turned. */
function isForgotten({ id, later, to, hits }: Sent): boolean {
  return (id !== undefined || later !== undefined) && hits.some(({ site }) => site === to)
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
