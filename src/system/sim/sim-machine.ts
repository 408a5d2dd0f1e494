import type { Clock } from '../clock.ts'
import type { Files } from '../files.ts'
import type { Log } from '../log.ts'
import type { Sockets } from '../sockets.ts'
import type { System } from '../system.ts'
import type { Watch } from '../watch.ts'
import { SimFiles } from './sim-files.ts'
import { SimGate } from './sim-gate.ts'
import type { SimRandom } from './sim-random.ts'
import { SimSockets } from './sim-sockets.ts'
import { simWatch } from './sim-watch.ts'
import type { SimWorld } from './sim-world.ts'

/** One simulated machine: a disk, a wall clock of its own, and processes. */
export class SimNode {
  readonly name: string
  readonly world: SimWorld
  readonly random: SimRandom
  readonly disk: SimFiles
  /** How far this machine's wall clock is ahead of the world's. Change it for a step. */
  clockOffsetMs = 0
  readonly #processes = new Map<string, SimProcess>()
  #started = 0

  constructor(world: SimWorld, name: string) {
    this.world = world
    this.name = name
    this.random = world.random.fork(`node ${name}`)
    const { clock, latencyMs } = world
    this.disk = new SimFiles({ clock, latencyMs, random: this.random.fork('disk') })
  }

  /** The process of this name; a new one when there is none or the last one is dead. */
  process(name: string): SimProcess {
    const running = this.#processes.get(name)
    if (running?.alive) return running
    const process = new SimProcess(this, `${name} ${this.#started++}`)
    this.#processes.set(name, process)
    return process
  }

  /** All processes die, and the disk loses what it may lose. */
  powerCut(options: Parameters<SimFiles['crash']>[0] = {}): void {
    for (const process of this.#processes.values()) process.kill()
    this.#processes.clear()
    this.disk.crash(options)
  }
}

/** One simulated process: the world as it sees it, and what can be done to it. */
export class SimProcess implements System {
  readonly clock: Clock
  readonly files: Files
  readonly watch: Watch
  readonly sockets: Sockets
  readonly random: SimRandom
  readonly log: Log
  readonly #gate = new SimGate()

  constructor(node: SimNode, name: string) {
    const { clock, log, latencyMs, watch: mood } = node.world
    const { disk } = node.disk
    const gate = this.#gate
    this.random = node.random.fork(`process ${name}`)
    this.clock = clock.view({ gate, offsetMs: () => node.clockOffsetMs })
    this.files = node.disk.forProcess(gate)
    this.sockets = new SimSockets({ clock, random: this.random.fork('sockets'), disk, gate, latencyMs })
    this.watch = simWatch({ clock, random: this.random.fork('watch'), disk, gate, mood })
    this.log = log
  }

  get alive(): boolean {
    return !this.#gate.dead
  }

  /** SIGKILL: nothing it waits for comes; a call on its way may still take effect. */
  kill(): void {
    this.#gate.kill()
  }

  /** SIGSTOP: its clock goes on, nothing else does. Its sockets take calls and do not answer. */
  stop(): void {
    this.#gate.stop()
  }

  /** SIGCONT */
  continue(): void {
    this.#gate.continue()
  }
}
