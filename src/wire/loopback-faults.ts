import type { Random } from '../system/random.ts'
import type { UploadRequest } from './upload.ts'

/** What becomes of one upload on a simulated wire. */
export interface LoopbackFault {
  /** Before the request arrives. Different delays let uploads overtake each other. */
  delayMs?: number
  /** Before the answer is back. */
  answerDelayMs?: number
  /** The request never arrives. */
  loseRequest?: boolean
  /** The request arrives, its answer does not. */
  loseAnswer?: boolean
  /** The request arrives once more, so many ms after the first time; the first answer counts. */
  repeatAfterMs?: number
  /** The connection breaks when so many bytes of the body have passed: the receiver sees a cut body, the sender no answer. */
  cutAt?: number
  /** One bit of this byte of the body is flipped on the way. */
  flipAt?: number
}

/** Asked once an upload. Undefined: nothing happens to it. */
export type LoopbackFaults = (request: UploadRequest) => LoopbackFault | undefined

/** Probabilities, 0 to 1, each drawn by itself. */
export interface FaultRates {
  loseRequest?: number
  loseAnswer?: number
  repeat?: number
  cut?: number
  flip?: number
  delay?: number
  /** The longest of the delays above. */
  delayMsMax?: number
}

/** How often each happened: a run that saw none of them proves nothing. */
export type FaultCounts = Record<'loseRequest' | 'loseAnswer' | 'repeat' | 'cut' | 'flip' | 'delay', number>

/** Faults by chance; the same seed gives the same ones. Change `rates` to heal the wire. */
export class SeededFaults {
  rates: FaultRates
  readonly seen: FaultCounts = { loseRequest: 0, loseAnswer: 0, repeat: 0, cut: 0, flip: 0, delay: 0 }
  readonly #random: Random

  constructor(random: Random, rates: FaultRates) {
    this.#random = random
    this.rates = rates
  }

  readonly draw: LoopbackFaults = request => {
    const fault: LoopbackFault = {}
    const bytes = request.entries.length
    if (this.#happens('delay')) Object.assign(fault, { delayMs: this.#delay(), answerDelayMs: this.#delay() })
    if (this.#happens('repeat')) fault.repeatAfterMs = this.#delay()
    if (this.#happens('loseRequest')) fault.loseRequest = true
    else if (bytes > 0 && this.#happens('cut')) fault.cutAt = this.#below(bytes)
    else if (this.#happens('loseAnswer')) fault.loseAnswer = true
    if (bytes > 0 && this.#happens('flip')) fault.flipAt = this.#below(bytes)
    return fault
  }

  #happens(what: keyof FaultCounts): boolean {
    const happens = this.#random.next() < (this.rates[what] ?? 0)
    if (happens) this.seen[what]++
    return happens
  }

  #delay(): number {
    return this.#below((this.rates.delayMsMax ?? 1_000) + 1)
  }

  #below(end: number): number {
    return Math.floor(this.#random.next() * end)
  }
}
