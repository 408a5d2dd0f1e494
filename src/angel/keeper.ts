import { ERRORS } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { System } from '../system/system.ts'
import { type Death, Life, type StartChild } from './life.ts'
import { deathsInARow, healthyMs, restartDelayMs } from './restart-plan.ts'
import type { Facts, Failure } from './talk.ts'

/** One daemon, for `dropr status`. Times are wall time in ms. */
export interface KeeperStatus {
  role: string
  state: 'starting' | 'ready' | 'waiting' | 'stopping' | 'stopped'
  /** When this state began. */
  since: number
  pid?: number
  restarts: number
  lastDeath?: { at: number; pid?: number; reason: string }
  /** While it dies again and again: since when, how often, and when it is tried again. */
  failing?: { since: number; deaths: number; nextStartAt?: number }
  facts: Facts
  /** What the role says about itself; undefined when it did not answer. */
  says?: unknown
}

export interface KeeperOptions {
  system: Pick<System, 'clock' | 'log'>
  limits: Limits
  role: string
  start: StartChild
}

/** Keeps one child process alive, until it is told to stop. */
export class Keeper {
  /** Resolves when the child works for the first time, with a failure when it never will, or when it was stopped before. */
  readonly settled: Promise<Failure | 'ready' | 'stopped'>
  readonly role: string
  readonly #options: KeeperOptions
  readonly #stopping = new AbortController()
  readonly #done: Promise<void>
  #settle: (how: Failure | 'ready' | 'stopped') => void = () => undefined
  #life: Life | undefined
  #state: KeeperStatus['state'] = 'starting'
  #since = 0
  #restarts = 0
  #deaths = 0
  #lastDeath: KeeperStatus['lastDeath']
  #failing: KeeperStatus['failing']
  #wasReady = false

  constructor(options: KeeperOptions) {
    this.#options = options
    this.role = options.role
    this.settled = new Promise(resolve => {
      this.#settle = resolve
    })
    this.#done = this.#keep()
  }

  async status(): Promise<KeeperStatus> {
    const says = await this.#life?.status()
    const { system, limits } = this.#options
    const healthy = this.#state === 'ready' && system.clock.now() - this.#since >= healthyMs(this.#deaths, limits)
    return {
      role: this.role,
      state: this.#state,
      since: this.#since,
      ...(this.#life?.pid === undefined ? {} : { pid: this.#life.pid }),
      restarts: this.#restarts,
      ...(this.#lastDeath === undefined ? {} : { lastDeath: this.#lastDeath }),
      ...(this.#failing === undefined || healthy ? {} : { failing: this.#failing }),
      facts: this.#life?.facts ?? {},
      ...(says === undefined ? {} : { says })
    }
  }

  /** A child that is just being started reads it anyway. */
  reload(): void {
    this.#life?.reload()
  }

  /** Ends the child, by force after `withinMs`. True when no force was needed. */
  async stop(withinMs: number): Promise<boolean> {
    this.#stopping.abort()
    const life = this.#life
    if (life) this.#become('stopping')
    const clean = (await life?.stop(withinMs)) ?? true
    await this.#done
    return clean
  }

  /** Ends the child at once, by force. */
  kill(): void {
    this.#stopping.abort()
    this.#life?.kill()
  }

  async #keep(): Promise<void> {
    const { system } = this.#options
    const { clock } = system
    const stopping = this.#stopping.signal
    while (!stopping.aborted) {
      this.#become('starting')
      const death = await this.#live()
      if (stopping.aborted) break
      if (!this.#wasReady && death.failure && isForGood(death.failure)) {
        this.#settle(death.failure)
        break
      }
      if (death.full) {
        system.log.info(
          { daemon: this.role, daemonPid: this.#life?.pid },
          'has handled lifeMessagesMax: another begins'
        )
      } else {
        const waitMs = this.#bury(death)
        this.#life = undefined
        this.#become('waiting')
        await clock.sleep(waitMs, stopping)
      }
      this.#restarts++
    }
    this.#life = undefined
    this.#become('stopped')
    this.#settle('stopped')
  }

  async #live(): Promise<Death> {
    const { system, limits, start } = this.#options
    const onReady = () => this.#ready()
    try {
      this.#life = new Life({ start, clock: system.clock, limits, onReady })
      return await this.#life.ended
    } catch (error) {
      // spawn itself throws for some causes (EAGAIN): a death like any other.
      return { reason: `no process: ${String(error)}`, clean: false, failure: undefined, workedMs: 0 }
    }
  }

  #ready(): void {
    const { system } = this.#options
    if (this.#stopping.signal.aborted) return
    this.#wasReady = true
    this.#become('ready')
    this.#settle('ready')
    system.log.info(
      { daemon: this.role, daemonPid: this.#life?.pid, ...this.#life?.facts },
      `the ${this.role} daemon works`
    )
  }

  /** Notes a death. @returns how long to wait before the next start, ms. */
  #bury(death: Death): number {
    const { system, limits } = this.#options
    const pid = this.#life?.pid
    const at = system.clock.now()
    this.#deaths = deathsInARow({ deathsBefore: this.#deaths, workedMs: death.workedMs }, limits)
    const waitMs = restartDelayMs(this.#deaths, limits)
    const since = this.#deaths === 1 ? at : (this.#failing?.since ?? at)
    this.#failing = { since, deaths: this.#deaths, nextStartAt: at + waitMs }
    this.#lastDeath = { at, reason: death.reason, ...(pid === undefined ? {} : { pid }) }
    const fields = { daemon: this.role, daemonPid: pid, reason: death.reason, deaths: this.#deaths, waitMs }
    system.log.warn(fields, `the ${this.role} daemon died, another one is started`)
    return waitMs
  }

  #become(state: KeeperStatus['state']): void {
    this.#state = state
    this.#since = this.#options.system.clock.now()
  }
}

/** A mistake that another start cannot mend: before anything ever worked, whoever started us should hear of it instead. */
function isForGood(failure: Failure): boolean {
  return failure.code !== 'UNEXPECTED' && !ERRORS[failure.code].retry
}
