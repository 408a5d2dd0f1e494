import { DroprError } from '../../src/errors.ts'
import type { Limits } from '../../src/limits.ts'
import type { SchedulerStatus } from '../../src/scheduler/index.ts'
import type { Config } from '../../src/spool/config.ts'
import { Spool } from '../../src/spool/spool.ts'
import type { SimNode, SimProcess, SimRandom, SimWorld } from '../../src/system/sim/index.ts'
import type { UploadAnswer, UploadRequest } from '../../src/wire/upload.ts'
import type { Checker } from './checker.ts'
import type { Layout } from './layout.ts'
import { type Program, Seat } from './seat.ts'
import type { Sometimes } from './sometimes.ts'
import type { Trace } from './trace.ts'

export const SPOOL = '/spool'

export interface SiteOptions {
  world: SimWorld
  name: string
  layout: Layout
  trace: Trace
  checker: Checker
  sometimes: Sometimes
}

/** The receiving end of a site, while its server runs. */
export type Receive = (request: UploadRequest, peer: string) => Promise<UploadAnswer>

/** One node: its machine, the processes on it, and what restarts them. */
export class Site {
  readonly name: string
  readonly world: SimWorld
  readonly machine: SimNode
  readonly layout: Layout
  readonly trace: Trace
  readonly checker: Checker
  readonly sometimes: Sometimes
  readonly random: SimRandom
  readonly seats: Seat[] = []
  /** Of all processes of this round. */
  readonly schedulers: { status: () => SchedulerStatus }[] = []
  #wallMax = 0
  #id: string | undefined
  /** The power is off. */
  down = false
  /** Ranges that have left here and arrived, by stream and first position. */
  readonly seen = new Set<string>()
  /** Where bits were turned: frames, by path and place, and files, by their streams. */
  readonly turned = new Set<string>()
  /** Set by the server's process. */
  door: { receive: Receive; seat: Seat; process: SimProcess; depth: () => number; answers: number } | undefined

  constructor(options: SiteOptions) {
    this.name = options.name
    this.world = options.world
    this.layout = options.layout
    this.trace = options.trace
    this.checker = options.checker
    this.sometimes = options.sometimes
    this.machine = options.world.node(options.name)
    this.random = options.world.random.fork(`site ${options.name}`)
  }

  get limits(): Limits {
    return this.layout.limits
  }

  get config(): Config {
    const peers = new Map(
      this.layout.nodes.filter(name => name !== this.name).map(name => [name, { name, url: `http://${name}.sim` }])
    )
    const { schedule } = this.layout
    return { node: this.name, peers, accept: new Map(), limits: this.limits, ...(schedule && { schedule }) }
  }

  /** The wall clock of this node, and the latest that it ever showed. */
  get wall(): number {
    return this.world.clock.now() + this.machine.clockOffsetMs
  }

  wallMax(): number {
    return Math.max(this.#wallMax, this.wall)
  }

  stepClock(ms: number): void {
    this.#wallMax = this.wallMax()
    this.machine.clockOffsetMs += ms
    this.sometimes.saw('clock step')
    this.trace.note(`${this.name}: the clock steps by ${ms} ms`)
  }

  /** Whatever is damaged, it stays the same one. */
  async openSpool(process: SimProcess): Promise<Spool> {
    const spool = await Spool.open({ system: process, path: SPOOL, node: this.name, limits: this.limits })
    this.#id ??= spool.id
    if (spool.id !== this.#id) this.checker.violated('P4', `${this.name} was ${this.#id} and is ${spool.id}`)
    return spool
  }

  seat(name: string, program: Program): Seat {
    const seat = new Seat(this, name, program)
    this.seats.push(seat)
    return seat
  }

  /** A process that may own the inbox, or holds messages, was killed or stopped: nobody need know at once. */
  disturbed(seat: Seat): void {
    if (!/^(client|sender|scheduler)/.test(seat.name)) this.checker.holds.disturbed(this.name)
  }

  powerCut(downMs: number): void {
    if (this.down) return
    this.trace.note(`${this.name}: the power goes`)
    this.sometimes.saw('power cut')
    this.down = true
    this.checker.ledger.powerCut(this.name)
    for (const seat of this.seats) seat.end(downMs + this.random.between(0, 500))
    this.machine.powerCut()
    this.world.clock.after(downMs, () => {
      this.down = false
      for (const seat of this.seats) seat.start()
    })
  }

  /** What the product gives its callers is a DroprError, whatever the disk said. */
  checkTyped(error: unknown, what: string): void {
    if (error instanceof DroprError) return
    this.checker.violated('P10', `${what}: ${error instanceof Error ? error.stack : String(error)}`)
  }
}
