import { type Log, silentLog } from '../log.ts'
import { SimClock } from './sim-clock.ts'
import { SimNode } from './sim-machine.ts'
import { SimRandom } from './sim-random.ts'
import { type SimWatchMood, simWatchMood } from './sim-watch.ts'

export interface SimWorldOptions {
  /** The same seed gives the same run. Print it when a test fails. */
  seed: number | string
  /** Shortest and longest time of a call or a message inside one machine. Default [0.02, 2]; [0, 0] for none. */
  latencyMs?: readonly [number, number]
  watch?: Partial<SimWatchMood>
  /** Default: silence. */
  log?: Log
  startMs?: number
}

/** Machines, their disks and their processes, in one simulated time. */
export class SimWorld {
  readonly seed: number | string
  readonly clock: SimClock
  readonly random: SimRandom
  readonly latencyMs: readonly [number, number]
  /** How reliable file events are, on all machines. May be changed at any time. */
  readonly watch: SimWatchMood
  readonly log: Log
  readonly #nodes = new Map<string, SimNode>()

  constructor(options: SimWorldOptions) {
    const { seed, latencyMs = [0.02, 2], watch, log = silentLog, startMs } = options
    this.seed = seed
    this.clock = new SimClock(startMs === undefined ? {} : { startMs })
    this.random = new SimRandom(seed)
    this.latencyMs = latencyMs
    this.watch = simWatchMood(watch)
    this.log = log
  }

  /** The machine of this name; made when it is first asked for. */
  node(name: string): SimNode {
    const node = this.#nodes.get(name) ?? new SimNode(this, name)
    this.#nodes.set(name, node)
    return node
  }
}
