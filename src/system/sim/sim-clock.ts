import type { Clock } from '../clock.ts'
import type { SimGate } from './sim-gate.ts'
import { SimQueue } from './sim-queue.ts'

/** 2026-01-01T00:00:00Z: a date that looks like one in what a test prints. */
const START_MS = Date.UTC(2026, 0, 1)

/** What a simulation may run through without an end, before it is taken for a loop. */
const EVENTS_MAX = 5_000_000

const TURN_END = Promise.resolve()

/**
 * Time that passes only when told: a day of retries takes milliseconds.
 *
 * Everything simulated that takes time is an event in this clock's queue, and events run one at a time, in order of their
 * moments. Between two of them all promises that can go on do.
 */
export class SimClock implements Clock {
  readonly #queue = new SimQueue()
  #ticks = 0
  #events = 0
  #wallMs: number

  constructor(options: { startMs?: number } = {}) {
    this.#wallMs = options.startMs ?? START_MS
  }

  now(): number {
    return Math.floor(this.#wallMs + this.#ticks)
  }

  ticks(): number {
    return this.#ticks
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return this.#sleep(ms, signal, run => run())
  }

  /** Events come one at a time: all that has come in was heard when the promises that can go on have. */
  soon(run: () => void): void {
    void TURN_END.then(run)
  }

  /** The wall clock jumps; nothing that sleeps notices. */
  step(ms: number): void {
    this.#wallMs += ms
  }

  /** Runs `run` after `ms`, for what simulates the world. Returns a function that prevents it. */
  after(ms: number, run: () => void): () => void {
    const event = this.#queue.add(this.#ticks + Math.max(0, ms), run)
    return () => this.#queue.cancel(event)
  }

  /** A clock for one node or process: with its own wall time, and silent while its process is stopped or dead. */
  view(options: { offsetMs?: () => number; gate?: SimGate }): Clock {
    const { offsetMs = () => 0, gate } = options
    return {
      now: () => Math.floor(this.#wallMs + this.#ticks + offsetMs()),
      ticks: () => this.#ticks,
      sleep: (ms, signal) => this.#sleep(ms, signal, run => (gate ? gate.deliver(run) : run())),
      soon: run => this.soon(run)
    }
  }

  /** How many events wait. */
  get pending(): number {
    return this.#queue.size
  }

  /** Lets `ms` pass. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#ticks + ms
    this.#events = 0
    await settled()
    while (await this.#runNext(untilMs)) {
      // one event after the other
    }
    this.#ticks = Math.max(this.#ticks, untilMs)
  }

  /** Lets time pass until nothing waits any more, `msMax` at most. True when nothing does. Loops that sleep for ever never end. */
  async run(msMax = 86_400_000): Promise<boolean> {
    const untilMs = this.#ticks + msMax
    this.#events = 0
    await settled()
    while (await this.#runNext(untilMs)) {
      // one event after the other
    }
    return this.#queue.size === 0
  }

  /** Lets time pass until `promise` is settled, and gives what it gave. Throws when it is not after `msMax`. */
  async until<T>(promise: Promise<T>, msMax = 3_600_000): Promise<T> {
    const untilMs = this.#ticks + msMax
    this.#events = 0
    let open = true
    const close = () => {
      open = false
    }
    promise.then(close, close)
    this.#events = 0
    await settled()
    while (open && (await this.#runNext(untilMs))) {
      // one event after the other
    }
    if (open) throw new Error(`not settled after ${msMax} simulated ms, ${this.#queue.size} events wait`)
    return promise
  }

  async #runNext(untilMs: number): Promise<boolean> {
    const next = this.#queue.peek()
    if (!next || next.atMs > untilMs) return false
    if (++this.#events > EVENTS_MAX) throw new Error(`more than ${EVENTS_MAX} events: something loops`)
    this.#queue.take()
    this.#ticks = Math.max(this.#ticks, next.atMs)
    next.run()
    await settled()
    return true
  }

  #sleep(ms: number, signal: AbortSignal | undefined, deliver: (run: () => void) => void): Promise<void> {
    if (signal?.aborted) return Promise.resolve()
    return new Promise(resolve => {
      const event = this.#queue.add(this.#ticks + Math.max(0, ms), () => deliver(end))
      const end = () => {
        signal?.removeEventListener('abort', end)
        this.#queue.cancel(event)
        resolve()
      }
      signal?.addEventListener('abort', end)
    })
  }
}

/** Every promise that can go on has gone on: the real event loop came round once. */
function settled(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}
