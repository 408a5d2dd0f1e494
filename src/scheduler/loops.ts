import type { Spool } from '../spool/spool.ts'
import { Bell } from '../system/bell.ts'
import { Trouble } from './trouble.ts'

/** No sleep is longer: what the wall clock does is seen within this. */
const SLEEP_MS_MAX = 1_000
/** Between two looks for copies: nobody is in a hurry for them. */
const LOOK_MS = 100

export interface Work {
  spool: Spool
  /** Takes over the intake; `thorough`: looks for dead senders too. Returns how many messages came. */
  drain: (thorough: boolean) => Promise<number>
  /** Moves one segment to finer buckets, if one is to be moved. */
  promote: () => Promise<boolean>
  tidy: () => Promise<void>
  /** Looks for copies that a death left, for a moment. Returns whether there is more to look at. */
  look: () => Promise<boolean>
  /** Hands over a batch. Returns for how long there is nothing to do, ms. */
  step: () => Promise<number>
}

/** What a shard does by itself: moving on, and handing over beside it. Each failure is said, and tried again. */
export class Loops {
  readonly #work: Work
  readonly #moverBell: Bell
  readonly #firingBell: Bell
  #woken = false
  #hinted = false
  #closed = false
  /** When the loops last came round, ticks. */
  #moved: number
  #stepped: number
  /** Of moving on. */
  readonly trouble = new Trouble()
  #running: Promise<unknown> = Promise.resolve()

  constructor(work: Work) {
    this.#work = work
    this.#moverBell = new Bell(work.spool.system.clock)
    this.#firingBell = new Bell(work.spool.system.clock)
    this.#moved = this.#stepped = work.spool.system.clock.ticks()
  }

  /** How long one of the loops has not come round, ms: above some seconds the disk, or this process, stands still. */
  get stillMs(): number {
    const { spool } = this.#work
    return spool.system.clock.ticks() - Math.min(this.#moved + spool.limits.scanMs, this.#stepped)
  }

  get closed(): boolean {
    return this.#closed
  }

  run(): void {
    this.#running = Promise.all([this.#move(), this.#fire()])
  }

  /** There may be something in the intake. */
  hint(): void {
    this.#hinted = true
    this.#moverBell.ring()
  }

  /** Something may be due. */
  wake(): void {
    this.#woken = true
    this.#firingBell.ring()
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#moverBell.close()
    this.#firingBell.close()
    await this.#running
  }

  async #move(): Promise<void> {
    const { drain, promote, tidy, look, spool } = this.#work
    const { clock, log } = spool.system
    let thoroughAt = 0
    let looks = false
    while (!this.#closed) {
      this.#hinted = false
      const thorough = clock.ticks() >= thoroughAt
      let more = false
      try {
        if ((await drain(thorough)) > 0) this.wake()
        more = await promote()
        if (thorough && !more) await tidy()
        if (!more && (thorough || looks)) looks = await look()
        this.trouble.worked()
      } catch (error) {
        const { code, message } = this.trouble.failed(error, { now: clock.now(), doing: 'move the schedule on' })
        log.error({ code, error: message }, 'the schedule could not be moved on: it is tried again')
        if (!this.#closed) await clock.sleep(spool.limits.retryMsMin)
      }
      this.#moved = clock.ticks()
      if (thorough && !more) thoroughAt = clock.ticks() + spool.limits.scanMs
      if (more || this.#hinted) continue
      await this.#moverBell.wait(looks ? LOOK_MS : Math.max(1, thoroughAt - clock.ticks()))
    }
  }

  async #fire(): Promise<void> {
    const { step, spool } = this.#work
    while (!this.#closed) {
      this.#woken = false
      let waitMs: number
      try {
        waitMs = await step()
      } catch (error) {
        spool.system.log.error({ error: String(error) }, 'what is due could not be read: it is tried again')
        waitMs = spool.limits.retryMsMin
      }
      this.#stepped = spool.system.clock.ticks()
      if (waitMs <= 0 || this.#woken) continue
      await this.#firingBell.wait(Math.min(waitMs, SLEEP_MS_MAX))
    }
  }
}
