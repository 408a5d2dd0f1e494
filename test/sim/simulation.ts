import { SimRandom, SimWorld } from '../../src/system/sim/index.ts'
import { Chaos } from './chaos.ts'
import { Checker } from './checker.ts'
import { missingAfterPowerCut } from './durability.ts'
import { drawLayout, type Layout } from './layout.ts'
import { Ledger, type Sent } from './ledger.ts'
import { Network } from './network.ts'
import { checkOrphans } from './orphans.ts'
import { clientProgram } from './programs/client.ts'
import { type ConsumeMood, consumerProgram } from './programs/consumer.ts'
import { LaterDesk, laterProgram } from './programs/later.ts'
import { OperatorDesk, operatorProgram } from './programs/operator.ts'
import { schedulerProgram } from './programs/scheduler.ts'
import { Desk, type SendMood, senderProgram } from './programs/sender.ts'
import { serverProgram } from './programs/server.ts'
import { playRound } from './rounds.ts'
import { Site } from './site.ts'
import { Sometimes } from './sometimes.ts'
import { Trace } from './trace.ts'
import type { Violation } from './violation.ts'

export interface SimulationOptions {
  seed: number | string
  nodes: number
  /** Simulated. */
  hours: number
  /** Bits turn in what lies on the disks. */
  flips?: boolean
  /** Every line of the trace, as it comes. */
  tell?: (line: string) => void
  /** Every warning and error of the product's log. */
  log?: (text: string, fields: object) => void
}

export interface Report {
  seed: number | string
  violations: Violation[]
  sometimes: Sometimes
  digest: string
  messages: number
  simulatedMs: number
  trace: Trace
}

/** Of the answers that leave a server, the first ones and this part are checked against a power cut at that moment. */
const PROBED = { first: 4, part: 0.02 }
const FAULT_MS = [5_000, 60_000] as const

/** Only long runs wait for the turns that remove what nobody owns. */
const CLEANED_HOURS_MIN = 0.02

/** A world with its nodes, and everything that listens. */
export class Simulation {
  readonly world: SimWorld
  readonly random: SimRandom
  readonly layout: Layout
  readonly trace: Trace
  readonly sometimes = new Sometimes()
  readonly ledger = new Ledger()
  readonly checker: Checker
  readonly network: Network
  readonly chaos: Chaos
  readonly sites: Site[]
  readonly sendMood: SendMood = { on: true, everyMs: 200, strange: false, largeBytes: undefined }
  readonly consumeMood: ConsumeMood = { bad: 0, workMsMax: 0 }
  readonly operatorDesks: OperatorDesk[] = []
  readonly #desks: Desk[] = []
  readonly #laterDesks: LaterDesk[] = []

  constructor(options: SimulationOptions) {
    const { seed, nodes, flips = false, tell, log } = options
    this.random = new SimRandom(`simulation ${seed}`)
    this.layout = drawLayout(this.random, nodes)
    const write = (fields: object, text: string) => log?.(text, fields)
    this.world = new SimWorld({
      seed,
      latencyMs: this.layout.latencyMs,
      watch: { on: this.layout.watch },
      log: { debug: () => undefined, info: () => undefined, warn: write, error: write }
    })
    const { world, layout, sometimes, ledger } = this
    this.trace = new Trace(world.clock, tell)
    const { trace } = this
    this.checker = new Checker({ clock: world.clock, trace, sometimes, ledger })
    const { checker } = this
    checker.wallMaxOf = name => this.sites.find(site => site.name === name)?.wallMax() ?? 0
    this.network = new Network(world, trace)
    this.sites = layout.nodes.map(name => new Site({ world, name, layout, trace, checker, sometimes }))
    for (const site of this.sites) this.#furnish(site)
    this.chaos = new Chaos({ world, network: this.network, sites: this.sites, trace, flips })
    this.network.onAnswer = (site, answer) => {
      const { door } = site
      if (!this.random.chance(PROBED.part) && (door === undefined || ++door.answers > PROBED.first)) return
      // What was there may be damaged by now: that is not what is asked here.
      if (site.turned.size > 0) return
      sometimes.saw('answer probed')
      void missingAfterPowerCut(site, answer).then(at => {
        if (at !== undefined)
          checker.violated(
            'P3',
            `${site.name} answered next ${answer.next} of ${answer.stream}, a power cut leaves ${at}`
          )
      })
    }
  }

  #furnish(site: Site): void {
    const { layout, network, random } = this
    network.add(site)
    for (const to of layout.nodes) network.link(site.name, to)
    if (!layout.blobs && random.chance(0.3)) this.sendMood.largeBytes = 3_000
    site.seat('server', serverProgram(this.sendMood.largeBytes === undefined ? undefined : 2_000))
    site.seat('client', clientProgram(network))
    for (let i = 0; i < layout.senders; i++) {
      const desk = new Desk()
      this.#desks.push(desk)
      site.seat(`sender${i}`, senderProgram(this.sendMood, desk))
    }
    if (layout.laters > 0) {
      for (let i = 0; i < layout.schedulers; i++) site.seat(`scheduler${i}`, schedulerProgram())
      const desk = new LaterDesk()
      this.#laterDesks.push(desk)
      for (let i = 0; i < layout.laters; i++) site.seat(`later${i}`, laterProgram(this.sendMood, desk))
    }
    if (layout.operated) {
      const desk = new OperatorDesk()
      this.operatorDesks.push(desk)
      site.seat('operator', operatorProgram(this.sendMood, desk))
    }
    for (let i = 0; i < layout.consumers; i++) {
      const kind = random.pick(['consume', 'consume', 'poll', 'messages'] as const)
      site.seat(`consumer${i}`, consumerProgram(kind, this.consumeMood))
    }
  }

  /** Lets time pass; stops early once a promise is broken. */
  async pass(ms: number): Promise<void> {
    const until = this.world.clock.ticks() + ms
    while (this.world.clock.ticks() < until && this.checker.violations.length === 0)
      await this.world.clock.advance(Math.min(1_000, until - this.world.clock.ticks()))
  }

  /** Of which their senders wait to hear what became of them. */
  unheard(): Sent[] {
    return this.#desks
      .flatMap(({ wanted }) => [...wanted.keys()])
      .filter(one => !one.mayBeLost && !one.cancelled && one.lostAt.size === 0)
  }

  desksAreEmpty(): boolean {
    const desks = [...this.#desks, ...this.#laterDesks]
    return (
      desks.every(({ again, open }) => again.length === 0 && open.size === 0) &&
      this.unheard().length === 0 &&
      this.operatorDesks.every(desk => desk.isDone)
    )
  }

  report(seed: number | string): Report {
    const { trace, sometimes, ledger, checker, world } = this
    const { violations } = checker
    const simulatedMs = world.clock.ticks()
    return { seed, violations, sometimes, digest: trace.digest(), messages: ledger.all.length, simulatedMs, trace }
  }
}

/** Plays rounds until the simulated time is over, or a promise is broken. */
export async function simulate(options: SimulationOptions): Promise<Report> {
  const sim = new Simulation(options)
  const { clock } = sim.world
  const untilMs = options.hours * 3_600_000
  while (clock.ticks() < untilMs && sim.checker.violations.length === 0) {
    const left = untilMs - clock.ticks()
    await playRound(sim, Math.min(left, sim.random.between(...FAULT_MS)))
  }
  // Time stands still once a promise is broken: nobody would tidy up.
  const ended = sim.checker.violations.length > 0
  if (!ended && sim.layout.blobs && options.hours >= CLEANED_HOURS_MIN) await checkOrphans(sim)
  for (const site of sim.sites) for (const seat of site.seats) seat.leave()
  return sim.report(options.seed)
}
