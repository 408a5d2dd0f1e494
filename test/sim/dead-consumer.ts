import type { Message } from '../../src/queue/message.ts'
import type { Queue } from '../../src/queue/queue.ts'
import type { SimProcess } from '../../src/system/sim/index.ts'
import type { Sent } from './ledger.ts'
import { openSimQueue } from './programs/application.ts'
import { type Program, Seat } from './seat.ts'
import type { Simulation } from './simulation.ts'
import type { Site } from './site.ts'

/** Nobody else receives here. */
const CHANNEL = 'left behind'
/** What the consumer says: nothing may wait for it. */
const LEASE_MS = 600_000
const READY_MS_MAX = 30_000

/** How the consumer ends, and how soon the next one must have what it had: a failed attempt waits `attemptMsMin` at most. */
const ENDS = [
  { name: 'is killed', withinMs: 1_000 },
  { name: 'stands still, then is killed', withinMs: 1_000 },
  // A new owner waits two seconds for who held leases of the one before.
  { name: 'is killed with the inbox’s owner', withinMs: 6_000 },
  { name: 'closes its queue', withinMs: 1_000 }
] as const

/** P5: a consumer process on this machine dies, and what it held is handed out again at once, however long its leases were. */
export async function checkDeadConsumer(sim: Simulation): Promise<void> {
  const { random, checker, sometimes, trace } = sim
  const site = random.pick(sim.sites)
  const how = random.pick(ENDS)
  const probe = new Probe(site)
  for (let left = 1 + random.int(4); left > 0; left--) probe.add()
  const holder = probe.start('holder')
  if (!(await until(sim, READY_MS_MAX, () => probe.held.size === probe.sent.length)))
    return checker.violated('life', `${site.name}: nobody could take ${probe.list()} from a channel of its own`)
  const heir = probe.start('heir')
  if (!(await until(sim, READY_MS_MAX, () => probe.heirWaits)))
    return checker.violated('life', `${heir.who} cannot receive`)
  trace.note(`${holder.who} ${how.name}`)
  holder.leave()
  if (how.name === 'closes its queue') holder.term(0)
  else await end(sim, site, holder, how.name)
  const came = await until(sim, how.withinMs, () => probe.heard.size === probe.sent.length)
  if (!came)
    checker.violated(
      'P5',
      `${site.name}: ${how.withinMs} ms after ${holder.who} ${how.name}, ${probe.list()} are still its own`
    )
  sometimes.saw(`consumer ${how.name}`)
  await until(sim, READY_MS_MAX, () => probe.sent.every(sent => sent.finished !== undefined))
  heir.leave()
  heir.term(0)
  await until(sim, READY_MS_MAX, () => heir.process === undefined)
}

async function end(sim: Simulation, site: Site, holder: Seat, name: string): Promise<void> {
  if (name.startsWith('stands still')) {
    holder.stop()
    await sim.pass(3_000)
  }
  if (name.includes('owner')) site.seats.find(seat => seat.name === 'server')?.kill(30)
  holder.kill(0)
}

/** Lets time pass in small steps until `isSo`; false when it is not in time. Once a promise is broken nobody waits for anything. */
async function until(sim: Simulation, msMax: number, isSo: () => boolean): Promise<boolean> {
  const end = sim.world.clock.ticks() + msMax
  while (!isSo()) {
    if (sim.checker.violations.length > 0) return true
    if (sim.world.clock.ticks() >= end) return false
    await sim.pass(10)
  }
  return true
}

/** A few messages, who takes them first, and who comes after. */
class Probe {
  readonly sent: Sent[] = []
  /** Taken by the holder, and by the heir. */
  readonly held = new Set<Sent>()
  readonly heard = new Set<Sent>()
  heirWaits = false
  readonly #site: Site

  constructor(site: Site) {
    this.#site = site
  }

  add(): void {
    const { name, checker } = this.#site
    const lane = `${name} ${CHANNEL} ${checker.ledger.all.length}`
    const what = { from: name, to: name, channel: CHANNEL, priority: 4, id: undefined, fate: 'plain', lane } as const
    this.sent.push(checker.ledger.add({ ...what, expiresAt: undefined }, 50))
  }

  list(): string {
    return this.sent
      .filter(one => !this.heard.has(one))
      .map(({ token }) => `#${token}`)
      .join(' ')
  }

  /** A process that is no regular one of its node: only this check starts and ends it. */
  start(name: 'holder' | 'heir'): Seat {
    const seat = new Seat(this.#site, name, name === 'holder' ? this.#hold() : this.#inherit())
    seat.start()
    return seat
  }

  #hold(): Program {
    return async (process, seat) => {
      const queue = await openSimQueue(process, seat)
      const running = this.#sendAndTake(queue)
      return { close: () => running.then(() => queue.close({ within: 1_000 })) }
    }
  }

  async #sendAndTake(queue: Queue): Promise<void> {
    const { name, checker } = this.#site
    for (const sent of this.sent)
      checker.resolved(sent, await queue.sendMessage(sent.body, { to: name, channel: CHANNEL }))
    // One by one: several leases.
    while (this.held.size < this.sent.length) await this.#take(queue, this.held)
  }

  #inherit(): Program {
    return async (process: SimProcess, seat) => {
      const queue = await openSimQueue(process, seat)
      const running = this.#receive(queue, process)
      return { close: () => running.then(() => queue.close({ within: 1_000 })) }
    }
  }

  async #receive(queue: Queue, process: SimProcess): Promise<void> {
    while (this.heard.size < this.sent.length) {
      try {
        this.heirWaits = true
        for (const message of await this.#take(queue, this.heard)) await message.ack()
      } catch (error) {
        this.#site.checkTyped(error, 'who comes after a dead consumer')
        await process.clock.sleep(20)
      }
    }
  }

  async #take(queue: Queue, into: Set<Sent>): Promise<Message[]> {
    const messages = await queue.poll({ channel: CHANNEL, max: 1, wait: 5_000, lease: LEASE_MS })
    for (const message of messages) {
      const sent = this.sent.find(({ body }) => body === message.text())
      if (sent === undefined)
        this.#site.checker.violated('P4', `a message that is not of ${CHANNEL}: ${message.text()}`)
      else into.add(sent)
    }
    return messages
  }
}
