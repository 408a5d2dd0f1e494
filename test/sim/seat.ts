import { DroprError, systemCode } from '../../src/errors.ts'
import type { SimProcess } from '../../src/system/sim/index.ts'
import type { Site } from './site.ts'

/** What a process does once it has started. `close` is what SIGTERM asks for. */
export interface Running {
  close: () => Promise<void>
}

export type Program = (process: SimProcess, seat: Seat) => Promise<Running>

/** A place for one process on a node, with what starts it again: the angel, or whoever runs the application. */
export class Seat {
  readonly site: Site
  readonly name: string
  readonly #program: Program
  #process: SimProcess | undefined
  #running: Running | undefined
  #wanted = false
  #starts = 0
  #stopped = false
  #endings: (() => void)[] = []

  constructor(site: Site, name: string, program: Program) {
    this.site = site
    this.name = name
    this.#program = program
  }

  /** Unique among all processes of the run. */
  get who(): string {
    return `${this.site.name}.${this.name}.${this.#starts}`
  }

  get process(): SimProcess | undefined {
    return this.#process
  }

  get running(): Running | undefined {
    return this.#running
  }

  get stopped(): boolean {
    return this.#stopped
  }

  /** Resolves when the present process has ended. */
  ended(): Promise<void> {
    if (this.#process === undefined) return Promise.resolve()
    return new Promise(resolve => this.#endings.push(resolve))
  }

  start(): void {
    this.#wanted = true
    if (this.#process !== undefined || this.site.down) return
    this.#starts++
    const process = this.site.machine.process(this.name)
    this.#process = process
    this.site.trace.note(`${this.who} starts`)
    this.#program(process, this).then(
      running => {
        if (this.#process === process) this.#running = running
      },
      (error: unknown) => this.#failed(process, error)
    )
  }

  /** kill -9; started again after `againMs`, if at all. */
  kill(againMs: number): void {
    if (this.#process === undefined) return
    this.site.trace.note(`${this.who} is killed`)
    this.site.sometimes.saw('kill')
    this.end(againMs)
  }

  /** SIGTERM: closes what is open, then ends. */
  term(againMs: number): void {
    const process = this.#process
    const running = this.#running
    if (process === undefined || running === undefined) return
    this.#running = undefined
    this.site.trace.note(`${this.who} is asked to end`)
    running.close().then(
      () => this.#exit(process, againMs),
      (error: unknown) => {
        this.site.checkTyped(error, `${this.who} could not close`)
        this.#exit(process, againMs)
      }
    )
  }

  stop(): void {
    if (this.#process === undefined || this.#stopped) return
    this.site.trace.note(`${this.who} is stopped`)
    this.site.sometimes.saw('stopped process')
    this.site.disturbed(this)
    this.#stopped = true
    this.#process.stop()
  }

  continue(): void {
    if (!this.#stopped) return
    this.site.trace.note(`${this.who} goes on`)
    this.#stopped = false
    this.#process?.continue()
  }

  /** Nothing starts here any more until `start`. */
  leave(): void {
    this.#wanted = false
  }

  /** Whatever ended it. */
  end(againMs: number): void {
    const process = this.#process
    if (process === undefined) return
    this.site.disturbed(this)
    this.site.checker.holds.died(this.who)
    this.#process = undefined
    this.#running = undefined
    this.#stopped = false
    process.kill()
    for (const tell of this.#endings.splice(0)) tell()
    this.site.world.clock.after(againMs, () => {
      if (this.#wanted) this.start()
    })
  }

  #exit(process: SimProcess, againMs: number): void {
    if (this.#process !== process) return
    this.site.trace.note(`${this.who} ends`)
    this.end(againMs)
  }

  #failed(process: SimProcess, error: unknown): void {
    if (this.#process !== process) return
    const code = error instanceof DroprError ? error.code : systemCode(error)
    this.site.trace.note(`${this.who} cannot start: ${String(error)}`)
    this.site.sometimes.saw(`start failed: ${code}`)
    this.site.checkTyped(error, `${this.who} cannot start`)
    this.end(500)
  }
}
