import type { Queue } from '../../../src/queue/queue.ts'
import type { SentMessage } from '../../../src/queue/receipt.ts'
import type { SimProcess, SimRandom } from '../../../src/system/sim/index.ts'
import { type Fate, type Sent, TOKEN_HEADER } from '../ledger.ts'
import type { Program, Seat } from '../seat.ts'
import { openSimQueue } from './application.ts'
import { follow } from './follow.ts'

/** What a sender does depends on the time of the run. */
export interface SendMood {
  on: boolean
  /** Mean wait between bursts. */
  everyMs: number
  /** Fates other than plain. */
  strange: boolean
  /** Bodies of this size are refused by receivers. */
  largeBytes: number | undefined
}

const PART_BYTES = 700
const KEYS = ['k0', 'k1', 'k2']

/** Between processes of one seat: what must be sent again, and whether the last one had closed its queue (P6). */
export class Desk {
  readonly again: Sent[] = []
  /** Calls that have no answer. */
  readonly open = new Set<Sent>()
  /** Of which is to be heard what becomes of them; with the id. */
  readonly wanted = new Map<Sent, string>()
  generation = 0
  closed = true
}

/** An application that sends: now one, now many at once, now a batch; what has an id and was not acknowledged, again. */
export function senderProgram(mood: SendMood, desk: Desk): Program {
  return async (process, seat) => {
    if (!desk.closed) desk.generation++
    desk.closed = false
    for (const sent of desk.open) if (sent.id !== undefined) desk.again.push(sent)
    desk.open.clear()
    for (const sent of desk.again) sent.moved = true
    const queue = await openSimQueue(process, seat)
    const sender = new SimSender(process, seat, queue, mood, desk)
    for (const [sent, id] of desk.wanted) void sender.follow(sent, queue.receipt(id))
    const running = sender.run()
    return {
      close: async () => {
        sender.ending = true
        await running
        await queue.close({ within: 1_000 })
        desk.closed = true
      }
    }
  }
}

class SimSender {
  ending = false
  readonly #process: SimProcess
  readonly #seat: Seat
  readonly #queue: Queue
  readonly #mood: SendMood
  readonly #desk: Desk
  readonly #random: SimRandom

  constructor(process: SimProcess, seat: Seat, queue: Queue, mood: SendMood, desk: Desk) {
    this.#process = process
    this.#seat = seat
    this.#queue = queue
    this.#mood = mood
    this.#desk = desk
    this.#random = process.random.fork('sender')
  }

  async run(): Promise<void> {
    const { clock } = this.#process
    while (!this.ending) {
      await clock.sleep(this.#random.between(0, 2 * this.#mood.everyMs))
      if (this.ending) return
      const again = this.#desk.again.splice(0, 5)
      for (const sent of again) void this.#sendAgain(sent)
      if (!this.#mood.on) continue
      const kind = this.#random.int(4)
      if (kind === 0) await this.#send(this.#draw(true))
      else if (kind === 3) await this.#sendBatch()
      else for (let i = this.#random.int(6); i >= 0; i--) void this.#send(this.#draw(true))
    }
  }

  async follow(sent: Sent, message: SentMessage): Promise<void> {
    const { wanted } = this.#desk
    wanted.set(sent, message.id)
    if ((await follow(this.#process, this.#seat, sent, message)) === 'heard') wanted.delete(sent)
  }

  #draw(alone: boolean, like?: Sent): Sent {
    const { site, name } = this.#seat
    const { layout, checker } = site
    const random = this.#random
    const to = like?.to ?? random.pick(layout.nodes)
    const channel = like?.channel ?? random.pick(layout.channels)
    const priority = like?.priority ?? random.pick(layout.priorities)
    const fate: Fate = this.#fate(to)
    const streamed = alone && layout.blobs && random.chance(0.08)
    const size = streamed
      ? 3_000 + random.int(9_000)
      : fate === 'large'
        ? this.#mood.largeBytes!
        : random.pick([20, 20, 200, 900])
    // Messages with a key wait for others of it, while the rest goes past.
    const key = alone && random.chance(0.2) ? random.pick(KEYS) : undefined
    const lane = `${site.name}.${name}/${this.#desk.generation} ${to} ${channel} ${priority} ${key ?? ''}`
    const id = alone && random.chance(0.3) ? `${site.name}-${name}-${checker.ledger.all.length}` : undefined
    const expires = alone && this.#mood.strange && random.chance(0.03)
    const expiresAt = expires ? this.#process.clock.now() + random.int(10_000) : undefined
    const buffered = like?.buffered ?? random.chance(0.1)
    const receipt = alone && random.chance(0.06)
    const what = { from: site.name, to, channel, priority, id, fate, expiresAt, lane, key, buffered, receipt, streamed }
    const sent = checker.ledger.add(what, size)
    // It has its place when all of it was read.
    sent.moved = streamed
    return sent
  }

  #fate(to: string): Fate {
    const { strange, largeBytes } = this.#mood
    const random = this.#random
    if (!strange) return 'plain'
    if (largeBytes !== undefined && to !== this.#seat.site.name && random.chance(0.02)) return 'large'
    if (random.chance(0.02)) return 'poison'
    if (random.chance(0.004)) return 'killer'
    return random.chance(0.02) ? 'reject' : 'plain'
  }

  async #send(sent: Sent): Promise<void> {
    const { to, channel, priority, id, expiresAt, key, body, buffered, receipt, streamed } = sent
    const { checker } = this.#seat.site
    this.#desk.open.add(sent)
    try {
      const options = {
        to,
        channel,
        priority,
        ...(id !== undefined && { id }),
        ...(expiresAt !== undefined && { expiresAt }),
        ...(key !== undefined && { key }),
        ...(buffered && { durability: 'buffered' as const }),
        receipt,
        ...(streamed && { headers: { [TOKEN_HEADER]: String(sent.token) } })
      }
      const isFirst = sent.resolvedAt === undefined
      const made = await this.#queue.sendMessage(streamed ? inParts(body) : body, options)
      checker.resolved(sent, made)
      if (receipt && isFirst) void this.follow(sent, made)
      // Sometimes an application does not hear of its success, and sends again.
      if (id !== undefined && this.#random.chance(0.1)) this.#desk.again.push(sent)
    } catch (error) {
      checker.rejected(sent, error)
      if (id !== undefined) this.#desk.again.push(sent)
    }
    this.#desk.open.delete(sent)
  }

  #sendAgain(sent: Sent): Promise<void> {
    const { site } = this.#seat
    site.sometimes.saw('id sent again')
    site.trace.note(`#${sent.token} is sent again`)
    if (!sent.moved) sent.lastCall = site.checker.ledger.nextCall(sent.lane)
    return this.#send(sent)
  }

  async #sendBatch(): Promise<void> {
    const { checker } = this.#seat.site
    const first = this.#draw(false)
    const batch = [first]
    for (let i = this.#random.int(8); i > 0; i--) batch.push(this.#draw(false, first))
    const { to, channel, priority, buffered } = first
    const durability = buffered ? 'buffered' : 'synced'
    try {
      const receipts = await this.#queue.sendMessages(
        batch.map(({ body }) => body),
        { to, channel, priority, durability }
      )
      for (const [i, sent] of batch.entries()) checker.resolved(sent, receipts[i]!)
    } catch (error) {
      for (const sent of batch) checker.rejected(sent, error)
    }
  }
}

async function* inParts(body: string): AsyncGenerator<string> {
  for (let at = 0; at < body.length; at += PART_BYTES) yield body.slice(at, at + PART_BYTES)
}
