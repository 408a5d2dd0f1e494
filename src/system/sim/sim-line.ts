import { checkMessage, type Line } from '../sockets.ts'
import type { SimClock } from './sim-clock.ts'
import type { SimGate } from './sim-gate.ts'

/** One end of a simulated line. Messages take time, and keep their order. */
export class SimLine implements Line {
  readonly #clock: SimClock
  readonly #latency: () => number
  readonly #gate: SimGate
  #other: SimLine | undefined
  #onMessage: ((text: string) => void) | undefined
  #onEnd: (() => void) | undefined
  readonly #unheard: string[] = []
  readonly #whenEnded: (() => void)[] = []
  /** A process that lives for days must not keep every line that it ever had. */
  #forget: () => void = () => undefined
  /** When the last of what is on its way to this end arrives: nothing overtakes. */
  #lastMs = 0
  #ended = false

  constructor(clock: SimClock, latency: () => number, gate: SimGate) {
    this.#clock = clock
    this.#latency = latency
    this.#gate = gate
  }

  /** Makes these the two ends of one line, for as long as both processes live. */
  join(other: SimLine): void {
    this.#other = other
    other.#other = this
    this.#forget = this.#gate.onDeath(() => other.#arrive(() => other.#close()))
    other.#forget = other.#gate.onDeath(() => this.#arrive(() => this.#close()))
  }

  /** For the listener, which is not the line's owner. */
  whenEnded(callback: () => void): void {
    this.#whenEnded.push(callback)
  }

  get onMessage(): (text: string) => void {
    return this.#onMessage ?? (() => undefined)
  }

  set onMessage(callback: (text: string) => void) {
    this.#onMessage = callback
    if (this.#unheard.length === 0) return
    queueMicrotask(() => {
      for (const text of this.#unheard.splice(0)) if (!this.#ended) this.#onMessage?.(text)
    })
  }

  get onEnd(): () => void {
    return this.#onEnd ?? (() => undefined)
  }

  set onEnd(callback: () => void) {
    this.#onEnd = callback
    if (this.#ended) queueMicrotask(callback)
  }

  send(text: string): void {
    checkMessage(text)
    const other = this.#other
    if (this.#ended || this.#gate.dead || !other) return
    other.#arrive(() => other.#hear(text))
  }

  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#forget()
    const other = this.#other
    if (other) other.#arrive(() => other.#close())
    queueMicrotask(() => this.#gate.deliver(() => this.#tellEnd()))
  }

  ref(_on: boolean): void {
    // a simulated process does not end by itself
  }

  #arrive(what: () => void): void {
    const atMs = Math.max(this.#clock.ticks() + this.#latency(), this.#lastMs)
    this.#lastMs = atMs
    this.#clock.after(atMs - this.#clock.ticks(), () => this.#gate.deliver(what))
  }

  #hear(text: string): void {
    if (this.#ended) return
    if (this.#onMessage && this.#unheard.length === 0) this.#onMessage(text)
    else this.#unheard.push(text)
  }

  #close(): void {
    if (this.#ended) return
    this.#ended = true
    this.#forget()
    this.#tellEnd()
  }

  #tellEnd(): void {
    for (const callback of this.#whenEnded) callback()
    this.#onEnd?.()
  }
}
