import type { Queue } from '../../../src/queue/queue.ts'
import type { Steered } from '../../../src/scheduler/index.ts'
import type { SimProcess, SimRandom } from '../../../src/system/sim/index.ts'
import { type Later, laterOf, mayStay } from '../later.ts'
import type { Sent } from '../ledger.ts'
import type { Program, Seat } from '../seat.ts'
import { openSimQueue } from './application.ts'
import type { SendMood } from './sender.ts'

const WISHES = ['cancel', 'move', 'edit', 'now'] as const
type Wish = (typeof WISHES)[number]

/** What all applications of a node know that send for later. */
export class LaterDesk {
  readonly again: Sent[] = []
  /** Calls that have no answer, by the process that made them. */
  readonly open = new Map<Sent, SimProcess>()
  /** Held, as far as anybody was told; with the id. */
  readonly held = new Map<Sent, string>()
}

/** An application that sends for later, and changes its mind. */
export function laterProgram(mood: SendMood, desk: LaterDesk): Program {
  return async (process, seat) => {
    for (const [sent, caller] of desk.open) {
      if (caller.alive) continue
      desk.open.delete(sent)
      if (sent.id !== undefined) desk.again.push(sent)
    }
    const queue = await openSimQueue(process, seat)
    const sender = new SimLater(process, seat, queue, mood, desk)
    const running = sender.run()
    return {
      close: async () => {
        sender.ending = true
        await running
        await queue.close({ within: 1_000 })
      }
    }
  }
}

class SimLater {
  ending = false
  readonly #process: SimProcess
  readonly #seat: Seat
  readonly #queue: Queue
  readonly #mood: SendMood
  readonly #desk: LaterDesk
  readonly #random: SimRandom

  constructor(process: SimProcess, seat: Seat, queue: Queue, mood: SendMood, desk: LaterDesk) {
    this.#process = process
    this.#seat = seat
    this.#queue = queue
    this.#mood = mood
    this.#desk = desk
    this.#random = process.random.fork('later')
  }

  async run(): Promise<void> {
    while (!this.ending) {
      await this.#process.clock.sleep(this.#random.between(0, 2 * this.#mood.everyMs))
      if (this.ending) return
      for (const sent of this.#desk.again.splice(0, 5)) void this.#send(sent)
      if (!this.#mood.on) continue
      if (this.#random.chance(0.4)) void this.#steer()
      else for (let i = this.#random.int(4); i >= 0; i--) void this.#send(this.#draw())
    }
  }

  /** Most are due while the run lasts; some so late that only a step of the clock brings them. */
  #due(): number {
    const random = this.#random
    const ahead = random.pick([
      () => random.int(1_000) - 200,
      () => random.int(8_000),
      () => random.int(60_000),
      () => random.int(60_000),
      () => random.pick([1, 24]) * 3_600_000 + random.int(60_000)
    ])
    return this.#process.clock.now() + ahead()
  }

  #draw(): Sent {
    const { site, name } = this.#seat
    const { layout, checker } = site
    const random = this.#random
    const id = random.chance(0.6) ? `later-${site.name}-${name}-${checker.ledger.all.length}` : undefined
    const what = {
      from: site.name,
      to: random.pick(layout.nodes),
      channel: random.pick(layout.channels),
      priority: random.pick(layout.priorities),
      lane: `${site.name}.${name} later`
    }
    const sent = checker.ledger.add({ ...what, id, fate: 'plain', expiresAt: undefined }, random.pick([20, 200, 900]))
    // By due time, not by when it was sent.
    sent.moved = true
    sent.later = laterOf(this.#due(), sent.body)
    return sent
  }

  async #send(sent: Sent): Promise<void> {
    const { site } = this.#seat
    const { to, channel, priority, id, body, later } = sent
    this.#desk.open.set(sent, this.#process)
    later!.attempts++
    try {
      const options = { to, channel, priority, deliverAt: later!.latest, ...(id !== undefined && { id }) }
      const receipt = await this.#queue.sendMessage(body, options)
      site.sometimes.saw('held')
      site.checker.resolved(sent, receipt)
      if (id !== undefined && this.#random.chance(0.05)) this.#desk.again.push(sent)
      else if (later!.attempts === 1) this.#desk.held.set(sent, receipt.id)
    } catch (error) {
      site.checker.rejected(sent, error)
      if (id !== undefined) this.#desk.again.push(sent)
    }
    this.#desk.open.delete(sent)
  }

  async #steer(): Promise<void> {
    const { held } = this.#desk
    const able = [...held].filter(([{ later }]) => !later!.busy)
    const wish = this.#random.pick(WISHES)
    if (able.length === 0) return
    // Those that are just about to go make a race of it.
    const now = this.#process.clock.now()
    const near = able.filter(([{ later }]) => Math.abs(later!.latest - now) < 500)
    const [sent, id] = this.#random.pick(near.length > 0 && this.#random.chance(0.5) ? near : able)
    const later = sent.later!
    later.busy = true
    try {
      const steered = await this.#ask(wish, sent, id)
      later.busy = false
      if (!steered.done) this.#desk.held.delete(sent)
    } catch (error) {
      // What is so is open: it is left alone from now on.
      const { site, who } = this.#seat
      site.trace.note(`#${sent.token} ${wish}: ${String(error)}`)
      site.checkTyped(error, `${who} steers`)
    }
  }

  /** What the wish may do is written down before it is asked, what it did when that is known. */
  async #ask(wish: Wish, sent: Sent, id: string): Promise<Steered> {
    const { schedule } = this.#queue
    const { site } = this.#seat
    const later = sent.later!
    const before = { ...later, bodies: new Set(later.bodies) }
    const due = this.#due()
    const body = `${sent.token}|edited ${this.#random.int(1_000_000)}|`
    if (wish === 'cancel') later.perhapsCancelled = true
    if (wish === 'edit') later.bodies.add(body)
    if (wish === 'now') later.earliest = Number.NEGATIVE_INFINITY
    if (wish === 'move') Object.assign(later, around(later, due))
    const steered = await {
      cancel: () => schedule.cancel(id),
      edit: () => schedule.edit(id, body),
      now: () => schedule.sendNow(id),
      move: () => schedule.reschedule(id, due)
    }[wish]()
    const { done, state } = steered
    site.trace.note(`#${sent.token} ${wish}: ${done ? 'done' : `too late, ${state}`}`)
    site.sometimes.saw(done ? `${wish} done` : `${wish} too late`)
    if (!done) Object.assign(later, before)
    else if (wish === 'edit') later.bodies = new Set([body])
    else if (wish === 'cancel') later.cancelled = true
    else Object.assign(later, { earliest: steered.dueAt!, latest: steered.dueAt! })
    this.#judge(sent, steered)
    return steered
  }

  #judge({ token, later, handOuts }: Sent, { done, state }: Steered): void {
    const { site } = this.#seat
    const { checker } = site
    if (later!.cancelled && handOuts.length > 0)
      checker.violated('P8', `#${token} had come when a cancel was told that it does not`)
    if (done && state !== 'cancelled' && later!.cancelled)
      checker.violated('P8', `#${token} was cancelled and is ${state}`)
    if (!done && state === 'cancelled' && !mayStay(later!)) checker.violated('P8', `#${token} is cancelled by nobody`)
    if (!done && state === 'unknown') later!.goneBy = site.wallMax()
  }
}

function around({ earliest, latest }: Later, due: number): Pick<Later, 'earliest' | 'latest'> {
  return { earliest: Math.min(earliest, due), latest: Math.max(latest, due) }
}
