import type { SimRandom, SimWorld } from '../../src/system/sim/index.ts'
import type { FaultRates } from '../../src/wire/loopback-faults.ts'
import { flipBit } from './flips.ts'
import * as disks from './harm-disk.ts'
import * as processes from './harm-processes.ts'
import type { Network } from './network.ts'
import type { Site } from './site.ts'
import type { Trace } from './trace.ts'

type Harm = (site: Site, random: SimRandom) => void

/** What can go wrong on a node, and how often compared to the others. */
const HARMS: readonly (readonly [Harm, weight: number])[] = [
  [processes.killOne, 6],
  [processes.killServer, 3],
  [processes.killAtCall, 8],
  [processes.powerCut, 2],
  [processes.powerCutAtCall, 4],
  [processes.killThenPowerCut, 3],
  [processes.stopOne, 3],
  [processes.termOne, 3],
  [processes.serverAway, 1],
  [disks.failCalls, 3],
  [disks.failSyncs, 3],
  [disks.failSyncThenKill, 3],
  [disks.badSectors, 1],
  [disks.diskFull, 1],
  [disks.readOnly, 1],
  [disks.fewHandles, 1],
  [disks.stepClock, 1]
]

/** Makes things go wrong, from `begin` to `heal`. Which ones is drawn anew each time: runs with few kinds find other things. */
export class Chaos {
  readonly #world: SimWorld
  readonly #network: Network
  readonly #sites: readonly Site[]
  readonly #random: SimRandom
  readonly #trace: Trace
  readonly #flips: boolean
  #on = false

  constructor(options: { world: SimWorld; network: Network; sites: readonly Site[]; trace: Trace; flips: boolean }) {
    this.#world = options.world
    this.#network = options.network
    this.#sites = options.sites
    this.#trace = options.trace
    this.#flips = options.flips
    this.#random = options.world.random.fork('chaos')
  }

  /** @param spared Nodes to which nothing happens. */
  begin(spared: ReadonlySet<string> = new Set()): void {
    const random = this.#random
    this.#on = true
    const keep = random.pick([0.3, 0.6, 1])
    const harms = HARMS.filter(() => random.chance(keep))
    const bag = harms.flatMap(([harm, weight]) => Array.from({ length: weight }, () => harm))
    const everyMs = random.pick([150, 600, 3_000])
    const names = harms.map(([harm]) => harm.name)
    this.#trace.note(`chaos every ${everyMs} ms: ${names.join(' ')}`)
    const victims = this.#sites.filter(({ name }) => !spared.has(name))
    if (bag.length > 0) for (const site of victims) this.#again(() => random.pick(bag)(site, random), everyMs)
    const flipMs = this.#flips ? random.pick([500, 3_000]) : 0
    if (flipMs > 0) for (const site of victims) this.#again(() => flipBit(site, random), flipMs)
    const quality = random.pick([0, 0.05, 0.3])
    if (quality > 0) this.#network.mood(() => this.#rates(quality), spared)
    if (random.chance(0.6)) this.#again(() => this.#flap(spared), random.pick([1_000, 5_000]))
    this.#world.watch.lost = random.pick([0, 0.5])
    this.#world.watch.repeated = random.pick([0, 0.3])
  }

  /** Everything works from now on; who is dead or stopped comes back. */
  heal(): void {
    this.#on = false
    this.#trace.note('heal')
    this.#network.mood(() => ({}))
    this.#world.watch.lost = 0
    this.#world.watch.repeated = 0
    for (const site of this.#sites) {
      disks.mendDisk(site)
      for (const seat of site.seats) seat.continue()
    }
  }

  #again(act: () => void, everyMs: number): void {
    this.#world.clock.after(-Math.log(1 - this.#random.next()) * everyMs, () => {
      if (!this.#on) return
      act()
      this.#again(act, everyMs)
    })
  }

  #rates(quality: number): FaultRates {
    const random = this.#random
    const rate = () => (random.chance(0.5) ? random.next() * quality : 0)
    return {
      loseRequest: rate(),
      loseAnswer: rate(),
      repeat: rate(),
      cut: rate(),
      flip: rate() / 10,
      delay: rate() * 2,
      delayMsMax: random.pick([20, 300, 4_000])
    }
  }

  /** One direction of one link breaks for a while. */
  #flap(spared: ReadonlySet<string>): void {
    const random = this.#random
    const from = random.pick(this.#sites).name
    const to = random.pick(this.#sites).name
    if (spared.has(from) && spared.has(to)) return
    const link = this.#network.link(from, to)
    const way = random.pick(['cut', 'deaf'] as const)
    link[way] = true
    this.#trace.note(`${from}>${to}: ${way}`)
    this.#world.clock.after(random.pick([100, 1_000, 10_000]), () => {
      link[way] = false
    })
  }
}
