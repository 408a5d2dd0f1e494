import type { AngelEnd } from '../angel/angel.ts'
import type { KeeperStatus } from '../angel/keeper.ts'
import type { Role, RoleName } from '../angel/role.ts'
import { reloadRole } from '../angel/run-child.ts'
import type { Failure } from '../angel/talk.ts'
import { DroprError } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { System } from '../system/system.ts'
import type { Crew } from './crew.ts'

export interface SingleOptions {
  system: Pick<System, 'clock' | 'log'>
  limits: Limits
  roles: readonly RoleName[]
  start: (role: RoleName) => Promise<Role>
}

/** All daemons in this process. Nothing starts them again: that is for whoever supervises the process. */
export class Single implements Crew {
  readonly settled: Promise<'ready' | 'stopped' | Failure>
  readonly ended: Promise<AngelEnd>
  readonly #options: SingleOptions
  readonly #startedAt: number
  readonly #stop = new AbortController()
  readonly #force = new AbortController()
  readonly #roles = new Map<RoleName, Role>()

  constructor(options: SingleOptions) {
    this.#options = options
    this.#startedAt = options.system.clock.now()
    this.settled = this.#start()
    this.ended = this.#live()
  }

  async status(): Promise<KeeperStatus[]> {
    const state = this.#stop.signal.aborted ? 'stopping' : 'ready'
    const common = { since: this.#startedAt, pid: process.pid, restarts: 0 }
    return this.#options.roles.map(role => {
      const works = this.#roles.get(role)
      if (!works) return { ...common, role, state: 'starting', facts: {} }
      return { ...common, role, state, facts: works.facts(), says: works.status() }
    })
  }

  reload(): void {
    for (const role of this.#roles.values()) void reloadRole(role, this.#options.system.log)
  }

  stop(): void {
    if (this.#stop.signal.aborted) this.#force.abort()
    this.#stop.abort()
  }

  async #start(): Promise<'ready' | 'stopped' | Failure> {
    try {
      for (const role of this.#options.roles) {
        if (this.#stop.signal.aborted) return 'stopped'
        this.#roles.set(role, await this.#options.start(role))
      }
      return 'ready'
    } catch (error) {
      this.stop()
      if (error instanceof DroprError) return { code: error.code, text: error.message }
      return { code: 'UNEXPECTED', text: error instanceof Error ? (error.stack ?? error.message) : String(error) }
    }
  }

  async #live(): Promise<AngelEnd> {
    const { clock } = this.#options.system
    const { graceMs } = this.#options.limits
    const stopped = this.#stopped()
    const startedLate = stopped.then(() => clock.sleep(graceMs, this.#force.signal)).then(() => 'stopped' as const)
    // A role that hangs in its start must not outlive the wish to stop.
    const started = await Promise.race([this.settled, startedLate])
    await stopped
    const closing = Promise.all([...this.#roles.values()].map(role => role.close({ withinMs: graceMs * 0.8 })))
    const closed = closing.then(() => 'finished' as const)
    const late = clock.sleep(graceMs, this.#force.signal).then(() => 'forced' as const)
    const end = await Promise.race([closed, late])
    closed.catch(() => undefined)
    return typeof started === 'object' ? started : end
  }

  #stopped(): Promise<void> {
    const { signal } = this.#stop
    return new Promise(resolve => {
      if (signal.aborted) resolve()
      else signal.addEventListener('abort', () => resolve(), { once: true })
    })
  }
}
