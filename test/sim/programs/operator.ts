import type { Queue } from '../../../src/queue/queue.ts'
import type { SimProcess, SimRandom } from '../../../src/system/sim/index.ts'
import { type Sent, tokenIn } from '../ledger.ts'
import type { Program, Seat } from '../seat.ts'
import { SPOOL } from '../site.ts'
import { openSimQueue } from './application.ts'
import type { SendMood } from './sender.ts'

const REDRIVES_MAX = 5

/** What must be made good again, also by the next operator. */
export class OperatorDesk {
  /** Perhaps. */
  readonly paused = new Set<string>()
  readonly held = new Set<Sent>()
  /** Dead letters are to come again once all is mended. */
  redrives = false

  get isDone(): boolean {
    return this.paused.size === 0 && this.held.size === 0 && !this.redrives
  }
}

/** Somebody who pauses channels, holds and cancels messages, makes that good again, and gives dead letters another try. */
export function operatorProgram(mood: SendMood, desk: OperatorDesk): Program {
  return async (process, seat) => {
    const queue = await openSimQueue(process, seat)
    const operator = new SimOperator(process, seat, queue, mood, desk)
    const running = operator.run()
    return {
      close: async () => {
        operator.ending = true
        await running
        await queue.close({ within: 1_000 })
      }
    }
  }
}

class SimOperator {
  ending = false
  readonly #process: SimProcess
  readonly #seat: Seat
  readonly #queue: Queue
  readonly #mood: SendMood
  readonly #desk: OperatorDesk
  readonly #random: SimRandom

  constructor(process: SimProcess, seat: Seat, queue: Queue, mood: SendMood, desk: OperatorDesk) {
    this.#process = process
    this.#seat = seat
    this.#queue = queue
    this.#mood = mood
    this.#desk = desk
    this.#random = process.random.fork('operator')
  }

  async run(): Promise<void> {
    const { site, who } = this.#seat
    while (!this.ending) {
      await this.#process.clock.sleep(this.#random.between(0, 2 * this.#mood.everyMs))
      if (this.ending) return
      try {
        await this.#act()
      } catch (error) {
        site.trace.note(`${who}: ${String(error)}`)
        site.checkTyped(error, `${who} operates`)
      }
    }
  }

  async #act(): Promise<void> {
    const { paused, held, redrives } = this.#desk
    const { layout } = this.#seat.site
    if (paused.size + held.size > 0 && (!this.#mood.on || this.#random.chance(0.4))) {
      for (const channel of paused) await this.#resume(channel)
      for (const sent of held) await this.#unhold(sent)
    } else if (this.#mood.on && this.#mood.strange) {
      const kind = this.#random.int(3)
      if (kind === 0) await this.#pause(this.#random.pick(layout.channels))
      if (kind === 1) await this.#hold()
      if (kind === 2) await this.#cancel()
    } else if (!this.#mood.on && redrives) await this.#redrive()
  }

  async #pause(channel: string): Promise<void> {
    const { site } = this.#seat
    this.#desk.paused.add(channel)
    await this.#queue.pause(channel)
    site.checker.steered.paused(site.name, channel, this.#process.clock.ticks())
    site.trace.note(`${site.name}: ${channel} is paused`)
    site.sometimes.saw('paused')
  }

  async #resume(channel: string): Promise<void> {
    const { site } = this.#seat
    site.checker.steered.resuming(site.name, channel)
    await this.#queue.resume(channel)
    this.#desk.paused.delete(channel)
    site.trace.note(`${site.name}: ${channel} is resumed`)
  }

  /** Of the latest messages with an id, one for which `fits` holds. */
  #pick(fits: (sent: Sent) => boolean): Sent | undefined {
    const { all } = this.#seat.site.checker.ledger
    const able = all.slice(-100).filter(sent => sent.id !== undefined && sent.later === undefined && fits(sent))
    return able.length === 0 ? undefined : this.#random.pick(able)
  }

  async #hold(): Promise<void> {
    const { site } = this.#seat
    const sent = this.#pick(({ to, finished, resolvedAt }) => to === site.name && !finished && resolvedAt !== undefined)
    if (sent === undefined) return
    this.#desk.held.add(sent)
    // Others go past it.
    sent.moved = true
    const found = await this.#queue.hold(sent.id!, { channel: sent.channel })
    site.trace.note(`#${sent.token} is held: ${found}`)
    if (found === 0) return
    site.checker.steered.held(sent, this.#process.clock.ticks())
    site.sometimes.saw('kept back')
  }

  async #unhold(sent: Sent): Promise<void> {
    const { site } = this.#seat
    site.checker.steered.unholding(sent)
    await this.#queue.unhold(sent.id!, { channel: sent.channel })
    this.#desk.held.delete(sent)
    site.trace.note(`#${sent.token} is let go`)
  }

  /** Whether it comes is open from then on. */
  async #cancel(): Promise<void> {
    const { site } = this.#seat
    const { name } = site
    const sent = this.#pick(({ from, to, place }) => from === name && to !== name && place === undefined)
    if (sent === undefined) return
    const { id, channel, to } = sent
    const before = sent.cancelled
    const was = this.#cancelledTo(to)
    sent.cancelled = true
    const { moved } = await this.#queue.purge({ ids: [id!], channel, peer: to })
    site.trace.note(`#${sent.token} is cancelled: ${moved}`)
    if (moved > 0) site.sometimes.saw('cancelled on its way')
    // An owner may have done it and ended before it answered: the next one, asked again, finds nothing left to do.
    else if (this.#cancelledTo(to) === was) sent.cancelled = before
  }

  /** What the disk says is not sent to a peer: on a site only its operator cancels. */
  #cancelledTo(peer: string): string {
    const { disk } = this.#seat.site.machine.disk
    const path = `${SPOOL}/cancelled/${peer}.json`
    return disk.find(path) === undefined ? '' : disk.file(path).content.seen().toString()
  }

  async #redrive(): Promise<void> {
    const { site } = this.#seat
    const { letters } = await this.#queue.dead.list({ channel: site.layout.channels, limit: REDRIVES_MAX })
    for (const { id, channel } of letters) {
      const [shown] = await this.#queue.dead.show(id)
      const sent = shown && site.checker.ledger.get(tokenIn(shown))
      // What nobody had died on its way: it would do so again.
      if (sent === undefined || sent.to !== site.name || sent.handOuts.length === 0 || sent.expiresAt !== undefined)
        continue
      Object.assign(sent, { fate: 'plain', redriven: true, redrives: sent.redrives + 1 })
      const { moved } = await this.#queue.dead.redrive({ ids: [id], channel })
      site.trace.note(`#${sent.token} is redriven: ${moved}`)
      if (moved > 0 && sent.redriven) sent.awaited = true
    }
    this.#desk.redrives = false
  }
}
