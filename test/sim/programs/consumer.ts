import { DroprError } from '../../../src/errors.ts'
import type { Message } from '../../../src/queue/message.ts'
import type { Queue } from '../../../src/queue/queue.ts'
import { Reject } from '../../../src/queue/reject.ts'
import type { SimProcess, SimRandom } from '../../../src/system/sim/index.ts'
import { TOKEN_HEADER, tokenOf } from '../ledger.ts'
import type { Program, Seat } from '../seat.ts'
import { openSimQueue } from './application.ts'

/** How badly consumers behave. */
export interface ConsumeMood {
  /** Probability that a handler fails, dawdles beyond its lease, or that a poller forgets what it has. */
  bad: number
  /** The longest that a handler usually works. */
  workMsMax: number
}

/** An application that receives, in one of the three ways there are. */
export function consumerProgram(kind: 'consume' | 'poll' | 'messages', mood: ConsumeMood): Program {
  return async (process, seat) => {
    const queue = await openSimQueue(process, seat)
    const consumer = new SimConsumer(process, seat, queue, mood)
    if (kind === 'consume') {
      const { layout } = seat.site
      const concurrency = consumer.random.pick([1, 1, 4])
      const lease = layout.limits.leaseMs
      queue.consume(layout.channels, message => consumer.handle(message), { concurrency, lease })
      return { close: () => queue.close({ within: 1_000 }) }
    }
    const running = kind === 'poll' ? consumer.poll() : consumer.iterate()
    return {
      close: async () => {
        consumer.ending = true
        await queue.close({ within: 1_000 })
        await running
      }
    }
  }
}

class SimConsumer {
  ending = false
  readonly random: SimRandom
  readonly #process: SimProcess
  readonly #seat: Seat
  readonly #queue: Queue
  readonly #mood: ConsumeMood

  constructor(process: SimProcess, seat: Seat, queue: Queue, mood: ConsumeMood) {
    this.#process = process
    this.#seat = seat
    this.#queue = queue
    this.#mood = mood
    this.random = process.random.fork('consumer')
  }

  async handle(message: Message): Promise<void> {
    const fate = await this.#fateOf(message)
    await this.#work()
    if (fate === 'reject') throw new Reject('the sender wanted it so')
    if (fate === 'poison' || this.#isBad()) throw new Error('no luck')
  }

  async poll(): Promise<void> {
    const { layout } = this.#seat.site
    while (!this.ending) {
      try {
        const max = this.random.pick([1, 3, 20])
        const wait = this.random.pick([0, 500, 5_000])
        const messages = await this.#queue.poll({ channels: layout.channels, max, wait })
        if (messages[0] !== undefined) this.#checkHeld(messages[0])
        for (const message of messages) await this.#verdict(message)
        if (messages.length === 0) await this.#process.clock.sleep(50)
      } catch (error) {
        await this.#tolerate(error)
      }
    }
  }

  async iterate(): Promise<void> {
    const { layout } = this.#seat.site
    while (!this.ending) {
      try {
        let left = 1 + this.random.int(30)
        for await (const message of this.#queue.messages({ channels: layout.channels })) {
          const fate = await this.#fateOf(message)
          await this.#work()
          if (fate === 'poison' || this.#isBad()) await message.retry({ reason: 'no luck' })
          if (fate === 'reject') await message.reject('the sender wanted it so')
          if (--left === 0 || this.ending) break
        }
      } catch (error) {
        await this.#tolerate(error)
      }
    }
  }

  async #verdict(message: Message): Promise<void> {
    try {
      const fate = await this.#fateOf(message)
      await this.#work()
      if (fate === 'reject') return await message.reject('the sender wanted it so')
      if (fate === 'poison') return await message.retry({ reason: 'no luck', after: 20 })
      if (!this.#isBad()) return await message.ack(tokenOfMessage(message))
      const kind = this.random.int(5)
      if (kind === 0) return await message.release({ after: this.random.int(300) })
      if (kind === 1) return await message.retry()
      if (kind === 2) return // forgets it: the lease ends
      if (kind === 3) await message.extend(this.random.int(5_000) + 100)
      // Works for so long that it may come too late.
      await this.#process.clock.sleep(this.random.between(0, 2 * this.#seat.site.limits.leaseMs))
      await message.ack()
    } catch (error) {
      await this.#tolerate(error)
    }
  }

  /** A lease that has just been given is not over. */
  #checkHeld(message: Message): void {
    const { site, who } = this.#seat
    const token = tokenOfMessage(message)
    if (message.signal.aborted && site.checker.holds.has(who, token, this.#process.clock.ticks()))
      site.checker.violated('P5', `#${token} is said to be lost, its lease ends ${message.leaseUntil}`)
  }

  async #fateOf(message: Message): Promise<string> {
    const { site } = this.#seat
    const sent = site.checker.ledger.get(tokenOfMessage(message))
    const body = message.large ? await this.#streamed(message) : message.text()
    if (sent === undefined || !(sent.later?.bodies.has(body) ?? sent.body === body))
      site.checker.violated('P4', `a body was changed: ${body.slice(0, 80)}`)
    if (sent?.fate !== 'killer' || message.channel !== sent.channel) return sent?.fate ?? 'plain'
    const { process } = this.#seat
    site.world.clock.after(this.random.between(0, 20), () => {
      if (this.#seat.process === process) this.#seat.kill(100)
    })
    return 'killer'
  }

  /** What is read to its end is what was sent. */
  async #streamed(message: Message): Promise<string> {
    const { site } = this.#seat
    const parts: Buffer[] = []
    try {
      for await (const part of message.stream()) parts.push(part as Buffer)
    } catch (error) {
      if (error instanceof DroprError && error.code === 'ENTRY_CORRUPT')
        site.checker.violated('P4', `#${tokenOfMessage(message)}: ${error.message}`)
      throw error
    }
    site.sometimes.saw('large body read')
    return Buffer.concat(parts).toString()
  }

  async #work(): Promise<void> {
    const { workMsMax } = this.#mood
    if (workMsMax > 0 && this.random.chance(0.7)) await this.#process.clock.sleep(this.random.between(0, workMsMax))
  }

  #isBad(): boolean {
    return this.random.chance(this.#mood.bad)
  }

  async #tolerate(error: unknown): Promise<void> {
    const { site, who } = this.#seat
    site.checkTyped(error, `${who} receives`)
    if (error instanceof DroprError && error.code === 'LEASE_LOST') site.sometimes.saw('refused verdict')
    if (error instanceof DroprError && error.code !== 'LEASE_LOST' && error.code !== 'CLOSED')
      site.trace.note(`${who}: ${error.code}: ${error.message}`)
    await this.#process.clock.sleep(100)
  }
}

function tokenOfMessage(message: Message): number {
  return message.large ? Number(message.headers[TOKEN_HEADER]) : tokenOf(message.text())
}
