import type { Limits } from '../limits.ts'
import type { Child, ChildExit, ChildOptions } from '../system/child.ts'
import type { Clock } from '../system/clock.ts'
import { beatMs, isStuck, silenceMs } from './heartbeat.ts'
import { asSaid, type Facts, type Failure, type ToAngel, type ToChild } from './talk.ts'

/** How a child ended. */
export interface Death {
  reason: string
  /** By itself, with exit code 0. */
  clean: boolean
  /** What the child said it failed on. */
  failure: Failure | undefined
  /** It had handled as much as it should in one life. */
  full?: boolean
  /** From when it was ready to its last heartbeat. */
  workedMs: number
}

export interface LifeOptions {
  start: StartChild
  clock: Clock
  limits: Limits
  /** The child works. */
  onReady: () => void
}

/** Makes the process. */
export type StartChild = (hooks: Pick<ChildOptions, 'onMessage' | 'onExit'>) => Child

/** How long a status may take. */
const STATUS_MS_MAX = 1_000

/** Of the time that a child has to end, what its role gets to finish; the rest is for ending. */
const FINISH_SHARE = 0.8

/** One life of a child process: hears its heart, kills it when it is stuck, asks it to end. */
export class Life {
  /** Never rejects. */
  readonly ended: Promise<Death>
  facts: Facts = {}
  readonly #child: Child
  readonly #options: LifeOptions
  readonly #over = new AbortController()
  readonly #questions = new Map<number, (status: unknown) => void>()
  #readyAt: number | undefined
  #silentMs = 0
  #sick: string | undefined
  #failure: Failure | undefined
  #asked = 0
  #full = false

  constructor(options: LifeOptions) {
    this.#options = options
    let exited: (exit: ChildExit) => void = () => undefined
    const exit = new Promise<ChildExit>(resolve => {
      exited = resolve
    })
    this.#child = options.start({ onMessage: message => this.#hear(asSaid<ToAngel>(message)), onExit: exited })
    this.ended = this.#live(exit)
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** What the role says about itself; undefined when it does not answer soon. */
  async status(): Promise<unknown> {
    const n = ++this.#asked
    const answered = new AbortController()
    let status: unknown
    this.#questions.set(n, said => {
      status = said
      answered.abort()
    })
    this.#say({ say: 'status', n })
    await this.#options.clock.sleep(STATUS_MS_MAX, AbortSignal.any([answered.signal, this.#over.signal]))
    this.#questions.delete(n)
    return status
  }

  reload(): void {
    this.#say({ say: 'reload' })
  }

  /** Asks the child to end, and kills it when it has not after `withinMs`. True when it ended by itself, with code 0. */
  async stop(withinMs: number): Promise<boolean> {
    this.#say({ say: 'stop', withinMs: Math.round(withinMs * FINISH_SHARE) })
    await this.#options.clock.sleep(withinMs, this.#over.signal)
    if (!this.#over.signal.aborted) this.kill()
    return (await this.ended).clean
  }

  /** Ends it at once, whatever it does, also when it is stopped. */
  kill(): void {
    this.#child.kill('SIGKILL')
  }

  async #live(exited: Promise<ChildExit>): Promise<Death> {
    const { clock } = this.#options
    let stuck: string | undefined
    void this.#look().then(reason => {
      stuck = reason
      if (reason !== undefined) this.kill()
    })
    const exit = await exited
    this.#over.abort()
    const reason = stuck ?? reasonOf(exit, this.#failure)
    const clean = exit.code === 0
    const workedMs = Math.max(0, clock.ticks() - (this.#readyAt ?? clock.ticks()) - this.#silentMs)
    return { reason, clean, failure: this.#failure, full: clean && this.#full, workedMs }
  }

  /** Watches the heart until the child ends. Resolves with a reason when it has to be killed. */
  async #look(): Promise<string | undefined> {
    const { clock, limits } = this.#options
    let lookedAt = clock.ticks()
    for (;;) {
      await clock.sleep(beatMs(limits), this.#over.signal)
      if (this.#over.signal.aborted) return undefined
      const now = clock.ticks()
      this.#silentMs = silenceMs({ silentMs: this.#silentMs, elapsedMs: now - lookedAt }, limits)
      lookedAt = now
      if (!isStuck(this.#silentMs, limits)) continue
      return `no heartbeat for ${limits.heartbeatMsMax} ms${this.#sick === undefined ? '' : `: ${this.#sick}`}`
    }
  }

  #hear(said: ToAngel | undefined): void {
    switch (said?.say) {
      case 'beat':
        this.#silentMs = 0
        this.#sick = undefined
        break
      case 'sick':
        this.#sick = said.reason
        break
      case 'ready':
        this.facts = said.facts
        this.#readyAt = this.#options.clock.ticks()
        this.#options.onReady()
        break
      case 'full':
        this.#full = true
        break
      case 'failed':
        this.#failure = said.failure
        break
      case 'status':
        this.#questions.get(said.n)?.(said.status)
        break
    }
  }

  #say(said: ToChild): void {
    this.#child.send(said)
  }
}

function reasonOf(exit: ChildExit, failure: Failure | undefined): string {
  if (exit.error) return `no process: ${exit.error.message}`
  const how = exit.signal === undefined ? `exit code ${exit.code}` : `killed by ${exit.signal}`
  return failure === undefined ? how : `${failure.code}: ${failure.text} (${how})`
}
