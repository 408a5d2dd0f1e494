import { type Level, Schedule, Scheduler, type Steered } from '../../src/scheduler/index.ts'
import { type SimNode, SimRandom, SimWorld } from '../../src/system/sim/index.ts'
import { type InOutbox, openSender, openSpool, outbox } from './desk.ts'

/** Short levels: three minutes hold all that days do. */
export const SHORT: readonly Level[] = [
  { name: 'long', lengthMs: 60_000 },
  { name: 'middle', lengthMs: 10_000 },
  { name: 'short', lengthMs: 2_000 }
]
const SPAN_MS = 150_000
const OPS = 60

export interface Expected {
  /** The last time it was surely to go; undefined while a change was not answered. */
  due: number
  /** The earliest of all times that were ever asked for and may count. */
  earliest: number
  body: string
  /** A change of the body was not answered: either may go. */
  bodies: Set<string>
  sent: boolean
  cancelled: boolean
  mayBeCancelled: boolean
}

export interface Mishaps {
  kills: boolean
  powerCuts: boolean
  clockSteps: boolean
  full: boolean
  stops: boolean
}

type Process = ReturnType<SimNode['process']>

interface App {
  process: Process
  schedule: Schedule
  sender: Awaited<ReturnType<typeof openSender>>
}

/** One life of a schedule under mishaps, in a simulated world: ops at random, processes that die at any moment. */
export class CrashRun {
  readonly world: SimWorld
  readonly node: SimNode
  readonly random: SimRandom
  readonly expected = new Map<string, Expected>()
  crashes = 0
  #ended = false
  readonly #mishaps: Mishaps
  readonly #levels: readonly Level[]
  readonly #shards: number
  /** Of some messages the body lies in a file. */
  readonly #large: boolean
  #app: App | undefined
  #schedulers = new Map<string, Process>()

  constructor(
    seed: string,
    mishaps: Mishaps,
    options: { levels?: readonly Level[]; shards?: number; large?: boolean } = {}
  ) {
    this.world = new SimWorld({ seed })
    this.node = this.world.node('berlin')
    this.random = new SimRandom(`${seed} ops`)
    this.#mishaps = mishaps
    this.#levels = options.levels ?? SHORT
    this.#shards = options.shards ?? 1
    this.#large = options.large ?? false
  }

  /** Nothing goes wrong on purpose. */
  get calm(): boolean {
    return Object.values(this.#mishaps).every(on => !on)
  }

  async run(schedulers = ['scheduler']): Promise<InOutbox[]> {
    const { clock } = this.world
    for (let op = 0; op < OPS; op++) {
      for (const name of schedulers) if (this.random.chance(0.8)) await this.#startScheduler(name)
      await this.#op(op)
      this.#mishap()
      await clock.advance(this.random.chance(0.2) ? this.random.int(10_000) : this.random.int(50))
    }
    this.node.disk.capacityBytes = Number.POSITIVE_INFINITY
    this.node.disk.faults.clear()
    // What was still to go wrong does so now.
    await clock.advance(25_000)
    for (const process of this.#schedulers.values()) process.kill()
    // Of one that lives nobody knows whether it still writes the message of a body.
    this.#app?.process.kill()
    this.#ended = true
    // What is due an hour later by a clock that was wrong comes by the next step.
    if (this.#mishaps.clockSteps) this.node.clockOffsetMs = 3_600_000
    for (const name of schedulers) await this.#startScheduler(name)
    await clock.advance(SPAN_MS + 30_000)
    return clock.until(outbox(this.node.disk))
  }

  async #startScheduler(name: string): Promise<void> {
    if (this.#schedulers.get(name)?.alive) return
    const process = this.node.process(name)
    this.#schedulers.set(name, process)
    const start = async () => {
      // Many that look often cost time.
      const scanMs = this.#shards > 1 ? 2_000 : 1_000
      const spool = await openSpool(process, { scanMs, retryMsMin: 50 })
      await Scheduler.start({ spool, levels: this.#levels, shards: this.#shards })
    }
    if (this.#mishaps.kills && !this.#ended && this.random.chance(0.3)) this.#killSoon(process, 30)
    await this.#attempt(process, start())
  }

  async #openApp(): Promise<App | undefined> {
    if (this.#app?.process.alive) return this.#app
    const process = this.node.process('app')
    const opened = await this.#attempt(
      process,
      (async () => {
        const spool = await openSpool(process, { blobPieceBytes: 512 })
        const sender = await openSender(spool, this.#shards)
        return { process, sender, schedule: new Schedule({ spool, levels: this.#levels, shards: this.#shards }) }
      })()
    )
    this.#app = opened
    return opened
  }

  async #op(n: number): Promise<void> {
    const app = await this.#openApp()
    if (app === undefined) return
    const { random } = this
    if (this.#mishaps.kills && random.chance(0.1)) this.#killSoon(app.process, 20)
    const ids = [...this.expected.keys()]
    if (ids.length === 0 || random.chance(0.5)) return this.#send(app, n)
    const id = random.pick(ids)
    const one = this.expected.get(id)!
    const due = this.#due()
    const body = `edited ${n}`
    const kind = random.pick(['cancel', 'move', 'edit', 'now'] as const)
    if (kind === 'cancel') {
      const answer = await this.#attempt(app.process, app.schedule.cancel(id))
      if (answer === undefined) one.mayBeCancelled = true
      else if (answer.done) one.cancelled = true
    } else if (kind === 'move') {
      this.#moved(one, due, await this.#attempt(app.process, app.schedule.reschedule(id, due)))
    } else if (kind === 'now') {
      const now = this.node.process('probe').clock.now()
      this.#moved(one, now, await this.#attempt(app.process, app.schedule.sendNow(id)))
    } else {
      const bytes = Buffer.from(body)
      const answer = await this.#attempt(app.process, app.schedule.edit(id, { kind: 'text', bytes }))
      if (answer === undefined) one.bodies.add(body)
      else if (answer.done) one.bodies = new Set([body])
    }
  }

  #moved(one: Expected, due: number, answer: Steered | undefined): void {
    if (answer === undefined) one.earliest = Math.min(one.earliest, due)
    else if (answer.done) one.earliest = due
  }

  async #send(app: App, n: number): Promise<void> {
    for (let i = this.random.int(6); i >= 0; i--) {
      const id = `m${n}-${i}`
      const due = this.#due()
      const body = `body ${id}`
      const bodies = new Set([body])
      const one = { due, earliest: due, body, bodies, sent: false, cancelled: false, mayBeCancelled: false }
      this.expected.set(id, one)
      const { send, sendLarge } = app.sender
      const large = this.#large && this.random.chance(0.5)
      one.sent = (await this.#attempt(app.process, (large ? sendLarge : send)(due, { id, body }))) !== undefined
      if (!app.process.alive) return
    }
  }

  #due(): number {
    const now = this.node.process('probe').clock.now()
    return now + (this.random.chance(0.3) ? this.random.int(1_000) - 200 : this.random.int(SPAN_MS))
  }

  #killSoon(process: Process, ms: number): void {
    this.crashes++
    this.world.clock.after(this.random.between(0, ms), () => process.kill())
  }

  #mishap(): void {
    const { random, node } = this
    const { kills, powerCuts, clockSteps, full, stops } = this.#mishaps
    const schedulers = [...this.#schedulers.values()]
    if (schedulers.length === 0) return
    if (kills && random.chance(0.15)) this.#killSoon(random.pick(schedulers), 2_000)
    if (stops && random.chance(0.1)) {
      const process = random.pick([...schedulers, ...(this.#app === undefined ? [] : [this.#app.process])])
      process.stop()
      this.world.clock.after(random.int(20_000), () => process.continue())
    }
    if (powerCuts && random.chance(0.05)) {
      this.crashes++
      this.world.clock.after(random.between(0, 500), () => node.powerCut())
    }
    if (clockSteps && random.chance(0.1)) node.clockOffsetMs = random.pick([-3_600_000, -60_000, 0, 60_000, 3_600_000])
    if (full && random.chance(0.1)) {
      node.disk.capacityBytes = random.chance(0.5)
        ? node.disk.disk.bytesUsed + random.int(5_000)
        : Number.POSITIVE_INFINITY
      this.crashes++
    }
  }

  /** What `promise` gave; undefined when it rejected or its process died first. */
  async #attempt<T>(process: Process, promise: Promise<T>): Promise<T | undefined> {
    const { clock } = this.world
    let open = true
    const settled = promise
      .then(
        value => ({ value }),
        (error: unknown) => ({ error })
      )
      .finally(() => {
        open = false
      })
    const died = (async () => {
      while (process.alive && open) await clock.sleep(5)
      return { error: 'died' }
    })()
    const result = await clock.until(Promise.race([settled, died]), 120_000)
    return 'value' in result ? result.value : undefined
  }
}
