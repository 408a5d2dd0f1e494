import type { Limits } from '../limits.ts'
import type { System } from '../system/system.ts'
import { Keeper, type KeeperStatus } from './keeper.ts'
import type { StartChild } from './life.ts'
import type { Failure } from './talk.ts'

export interface AngelOptions {
  system: Pick<System, 'clock' | 'log'>
  limits: Limits
  /** By role: how its process is made. */
  children: ReadonlyMap<string, StartChild>
}

/** How it ended: all children finished by themselves, some had to be killed, or one will never work. */
export type AngelEnd = 'finished' | 'forced' | Failure

/** Keeps the daemons of one spool alive. Its own death ends them too: they watch the pipe to it. */
export class Angel {
  /** Resolves once no child is left. Never rejects. */
  readonly ended: Promise<AngelEnd>
  /** Resolves when every child works, or when one never will. */
  readonly settled: Promise<'ready' | 'stopped' | Failure>
  readonly #options: AngelOptions
  readonly #keepers: Keeper[]
  #end: (how: AngelEnd) => void = () => undefined
  #stopping = false

  constructor(options: AngelOptions) {
    this.#options = options
    this.#keepers = [...options.children].map(([role, start]) => new Keeper({ ...options, role, start }))
    this.ended = new Promise(resolve => {
      this.#end = resolve
    })
    this.settled = this.#settle()
  }

  status(): Promise<KeeperStatus[]> {
    return Promise.all(this.#keepers.map(keeper => keeper.status()))
  }

  /** The children read their configuration again. */
  reload(): void {
    for (const keeper of this.#keepers) keeper.reload()
  }

  /** Lets the children finish for `graceMs`. Called again, it ends them at once. */
  stop(because?: Failure): void {
    if (this.#stopping) {
      for (const keeper of this.#keepers) keeper.kill()
      return
    }
    this.#stopping = true
    const { graceMs } = this.#options.limits
    void Promise.all(this.#keepers.map(keeper => keeper.stop(graceMs))).then(clean => {
      this.#end(because ?? (clean.every(Boolean) ? 'finished' : 'forced'))
    })
  }

  async #settle(): Promise<'ready' | 'stopped' | Failure> {
    const all = await Promise.all(
      this.#keepers.map(async keeper => {
        const how = await keeper.settled
        if (typeof how === 'object' && !this.#stopping) this.stop(how)
        return how
      })
    )
    return all.find(how => typeof how === 'object') ?? (all.includes('stopped') ? 'stopped' : 'ready')
  }
}
