import { keepAlive } from '../system/keep-alive.ts'
import type { System } from '../system/system.ts'
import { Feed } from './feed.ts'
import type { HeldMessage } from './held-message.ts'
import type { Intake } from './intake.ts'
import type { Message } from './message.ts'
import { checkDuration, checkOptions, type Duration } from './options.ts'
import { Reject } from './reject.ts'
import { reasonText } from './verdict-words.ts'

/** Returned: acknowledged. Thrown: `retry`; `Reject` thrown: dead. */
export type Handler = (message: Message) => unknown

export interface ConsumerOptions {
  intake: Intake
  system: System
  channels: string[]
  leaseMs: number | undefined
  concurrency: number
  graceMs: number
  handler: Handler
  signal: AbortSignal | undefined
  onDone: (consumer: Consumer) => void
}

const STOP = new Set(['within'])
/** Handlers that never wait must not keep the rest of the process from its turn for longer. */
const TURN_MS = 5
/** Looking at the clock costs: once in so many starts. */
const LOOK_EVERY = 32

/** Hands messages to a handler, so many at a time, until stopped. */
export class Consumer {
  /** Resolves when it has stopped, and every verdict has its answer. Never rejects. */
  readonly done: Promise<void>
  readonly #options: ConsumerOptions
  readonly #feed: Feed
  readonly #running = new Set<HeldMessage>()
  readonly #finished = new AbortController()
  readonly #letGo = keepAlive()
  #resolveDone: () => void = () => undefined
  #stopping: Promise<void> | undefined
  #pumping = false
  #starts = 0
  #turnTicks = 0
  #resting = false

  constructor(options: ConsumerOptions) {
    this.#options = options
    this.done = new Promise(resolve => {
      this.#resolveDone = resolve
    })
    this.#feed = new Feed({ ...options, onMore: () => this.#pump() })
    const { signal } = options
    const stop = () => void this.stop()
    signal?.addEventListener('abort', stop, { once: true })
    void this.done.then(() => signal?.removeEventListener('abort', stop))
    if (signal?.aborted) stop()
    else this.#pump()
  }

  /**
   * Takes nothing more, gives back what has not started, lets handlers finish for `within` (default `graceMs`); then their
   * signals abort and their messages are given back too. Resolves when all that is done.
   */
  stop(options?: { within?: Duration }): Promise<void> {
    if (options !== undefined) checkOptions(options, STOP, 'stop')
    const within =
      options?.within === undefined ? this.#options.graceMs : checkDuration(options.within, 'within', 0, 3_600_000)
    this.#stopping ??= this.#stop(within)
    return this.#stopping
  }

  async #stop(withinMs: number): Promise<void> {
    const { intake, system, onDone } = this.#options
    const emptied = this.#feed.close()
    if (this.#running.size > 0 && withinMs > 0) await system.clock.sleep(withinMs, this.#finished.signal)
    for (const message of this.#running) message.abandon()
    await emptied
    await intake.verdicts.idle()
    this.#letGo()
    onDone(this)
    this.#resolveDone()
  }

  #pump(): void {
    if (this.#pumping || this.#resting) return
    this.#pumping = true
    while (this.#running.size < this.#options.concurrency && !this.#mustRest()) {
      const message = this.#feed.take()
      if (message === undefined) break
      this.#start(message)
    }
    this.#pumping = false
    if (this.#feed.closed) void this.stop()
    if (this.#stopping !== undefined && this.#running.size === 0) this.#finished.abort()
  }

  #mustRest(): boolean {
    if (++this.#starts % LOOK_EVERY !== 0) return false
    const now = this.#options.system.clock.ticks()
    if (now - this.#turnTicks < TURN_MS) return false
    this.#resting = true
    setImmediate(() => {
      this.#resting = false
      this.#turnTicks = this.#options.system.clock.ticks()
      this.#pump()
    })
    return true
  }

  #start(message: HeldMessage): void {
    this.#running.add(message)
    let result: unknown
    try {
      result = this.#options.handler(message)
    } catch (error) {
      this.#failed(message, error)
      return
    }
    if (isThenable(result)) {
      result.then(
        () => this.#returned(message),
        (error: unknown) => this.#failed(message, error)
      )
    } else this.#returned(message)
  }

  #returned(message: HeldMessage): void {
    message.settle('ack')
    this.#running.delete(message)
    this.#pump()
  }

  #failed(message: HeldMessage, error: unknown): void {
    const reason = reasonText(error instanceof Error ? error.message : String(error))
    if (error instanceof Reject) message.settle('reject', { reason })
    else {
      message.settle('retry', { reason })
      const { channel, attempt } = message
      this.#options.system.log.warn({ channel, attempt, error: reason }, 'a handler failed')
    }
    this.#running.delete(message)
    this.#pump()
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
