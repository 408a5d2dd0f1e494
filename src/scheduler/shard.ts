import type { Ids } from '../journal/ids.ts'
import type { Spool } from '../spool/spool.ts'
import { Turns } from '../spool/turns.ts'
import { askUntilSure } from './ask-until-sure.ts'
import { Buckets } from './buckets.ts'
import { Catalog } from './catalog.ts'
import { Doubles } from './doubles.ts'
import { type Fired, Firing } from './firing.ts'
import { type ForecastRow, forecastOf } from './forecast.ts'
import { type CleanedBlobs, HeldBlobs } from './held-blobs.ts'
import { heldFilesOf } from './held-files.ts'
import { IntakeReader } from './intake-reader.ts'
import type { Lateness } from './lateness.ts'
import type { Level } from './levels.ts'
import { type ListPage, type ListQuery, listHeld } from './listing.ts'
import { Loops } from './loops.ts'
import { Marks } from './marks.ts'
import { Mover } from './mover.ts'
import { Near } from './near.ts'
import type { Outlet } from './outlet.ts'
import { Recent } from './recent.ts'
import { type Shown, shownOf } from './shown.ts'
import { Soon } from './soon.ts'
import { type ShardStatus, statusOf } from './status.ts'
import { type Change, type HeldState, type Steered, Steering } from './steering.ts'

const SENT_NOW_STEPS_MAX = 1_000
const SENT_NOW_SLEEP_MS_MAX = 10

export interface ShardOptions {
  spool: Spool
  /** The folder: schedule/, or schedule/shard-<n>. */
  root: string
  writer: string
  ids: Ids
  levels: readonly Level[]
  /** Of the whole process, whoever makes it closes it: of one writer only the newest segment of a folder may grow. */
  outlet: Outlet
}

export type { ShardStatus } from './status.ts'

/**
 * A schedule that is only ours: moves, hands over and steers what is held in one folder. The caller holds the lock.
 *
 * Moving and steering take turns; handing over goes on beside them, so that neither a large intake nor a promotion makes a
 * message late.
 */
export class Shard {
  readonly #spool: Spool
  readonly #marks: Marks
  readonly #catalog: Catalog
  readonly #buckets: Buckets
  readonly #intake: IntakeReader
  readonly #near: Near
  readonly #soon: Soon
  readonly #firing: Firing
  readonly #mover: Mover
  readonly #steering: Steering
  readonly #doubles: Doubles
  readonly #turns = new Turns()
  readonly #steps = new Turns()
  readonly #loops: Loops
  readonly #startedAt: number

  private constructor(options: ShardOptions) {
    const { spool, root, writer, ids, levels, outlet } = options
    this.#spool = spool
    this.#startedAt = spool.system.clock.now()
    this.#marks = new Marks({ spool, folder: `${root}/marks`, writer, ids })
    const marks = this.#marks
    this.#catalog = new Catalog({ spool, root, marks })
    const catalog = this.#catalog
    this.#buckets = new Buckets({ spool, root, levels, writer, catalog, marks })
    const blobs = new HeldBlobs({ spool, root, catalog, marks })
    this.#intake = new IntakeReader({ spool, folder: `${root}/in`, marks, buckets: this.#buckets, blobs })
    this.#near = new Near(spool)
    const { near, buckets, intake } = { near: this.#near, buckets: this.#buckets, intake: this.#intake }
    this.#soon = new Soon({ spool, catalog, near })
    const about = { spool, catalog, marks, near, blobs, soon: this.#soon, recent: new Recent<'fired' | 'cancelled'>() }
    this.#firing = new Firing({ ...about, outlet })
    this.#steering = new Steering({ ...about, ids, intake })
    this.#doubles = new Doubles({ spool, catalog, drop: copies => this.#steering.drop(copies) })
    this.#mover = new Mover({ ...about, levels, buckets, intake, firing: this.#firing })
    this.#loops = new Loops({
      spool,
      drain: thorough => this.#turns.run(() => this.#mover.drain(thorough)),
      promote: () => this.#turns.run(() => this.#mover.promote()),
      tidy: () => this.#turns.run(() => this.#mover.tidy()),
      look: () => this.#turns.run(() => this.#doubles.look()),
      step: () => this.#step()
    })
  }

  /** Takes over: reads what earlier schedulers said and left, and says it again, before anybody is told anything. */
  static async open(options: ShardOptions): Promise<Shard> {
    const shard = new Shard(options)
    const { spool, root } = options
    await spool.folders.ensure(`${root}/in`)
    await shard.#marks.fold()
    await shard.#catalog.open()
    await shard.#intake.look(false)
    await shard.#mover.placeHomeless()
    await shard.#marks.restate(shard.#catalog.all, await shard.#intake.streams())
    return shard
  }

  /** Begins to move and to hand over by itself, until it is closed. */
  run(): void {
    this.#loops.run()
  }

  /** There may be something in the intake. */
  hint(): void {
    this.#loops.hint()
  }

  /** Hands over all that is due now, in the calling turn, and says what became of each. */
  async tick(): Promise<Fired[]> {
    await this.#turns.run(() => this.#mover.drain(true))
    this.#firing.failed.hurry()
    const fired: Fired[] = []
    const before = this.#firing.onFired
    this.#firing.onFired = batch => {
      before?.(batch)
      for (const one of batch) fired.push(one)
    }
    try {
      while ((await this.#step()) === 0 && !fired.some(({ error }) => error !== undefined)) {
        // one batch after the other
      }
    } finally {
      this.#firing.onFired = before
    }
    await this.#firing.marked()
    await this.#turns.run(() => this.#mover.tidy())
    return fired
  }

  cancel(id: string): Promise<Steered> {
    return this.#tell(id, async () => {
      const steered = await this.#steering.cancel(id)
      await this.#settle()
      return steered
    })
  }

  change(id: string, change: Change): Promise<Steered> {
    return this.#tell(id, async () => {
      const steered = await this.#steering.change(id, change)
      if (steered.done) await this.#mover.drain(false)
      if (change.body !== undefined) await this.#settle()
      return steered
    })
  }

  /** Resolves when it is in the outbox. */
  async sendNow(id: string): Promise<Steered> {
    const now = this.#spool.system.clock.now()
    const steered = await this.change(id, { due: now })
    if (!steered.done) return steered
    for (let i = 0; this.#steering.wasOf(id) !== 'fired'; i++) {
      if (i === SENT_NOW_STEPS_MAX) return steered
      await this.#spool.system.clock.sleep(Math.min(await this.#step(), SENT_NOW_SLEEP_MS_MAX))
    }
    return { ...steered, state: 'fired' }
  }

  show(id: string): Promise<Shown> {
    return this.#tell(id, async () => {
      const { found, state } = await this.#steering.show(id)
      return { state, messages: found.map(shownOf) }
    })
  }

  list(query: ListQuery): Promise<ListPage> {
    return this.#steer(() => listHeld(this.#spool, this.#catalog.all, query))
  }

  async forecast(): Promise<ForecastRow[]> {
    await this.#doubles.lookThrough(look => this.#steer(look))
    return this.#steer(() => Promise.resolve(forecastOf(this.#catalog.all)))
  }

  cleanBlobs(dryRun: boolean): Promise<CleanedBlobs> {
    return this.#steer(() => this.#mover.cleanBlobs(dryRun))
  }

  status(): ShardStatus {
    return statusOf({
      catalog: this.#catalog,
      near: this.#near,
      soon: this.#soon,
      firing: this.#firing,
      loops: this.#loops,
      promoted: this.#mover.promoted,
      startedAt: this.#startedAt,
      now: this.#spool.system.clock.now()
    })
  }

  get lateness(): Lateness {
    return this.#firing.lateness
  }

  async close(): Promise<void> {
    await this.#loops.close()
    await this.#turns.idle()
    await this.#steps.idle()
    await this.#soon.idle()
    await this.#firing.marked()
    const closing = [this.#buckets.close(), this.#intake.close()]
    const results = await Promise.allSettled(closing)
    await this.#marks.close()
    await heldFilesOf(this.#spool).close()
    for (const result of results) if (result.status === 'rejected') throw result.reason
  }

  /** Steers, or says what is so; `unknown` only when all that was sent for later has been seen. */
  #tell<T extends { state: HeldState }>(id: string, act: () => Promise<T>): Promise<T> {
    const tell = async () => ({ told: await act(), heldUp: this.#intake.heldUp })
    const { clock } = this.#spool.system
    return askUntilSure({ clock, id, ask: thorough => this.#steer(tell, thorough), isClosed: () => this.#loops.closed })
  }

  /** What came in a moment before counts too. */
  #steer<T>(act: () => Promise<T>, thorough = false): Promise<T> {
    return this.#turns.run(async () => {
      await this.#mover.drain(thorough)
      try {
        return await act()
      } finally {
        this.#loops.wake()
      }
    })
  }

  /** What was wished is done; a body that could not be removed is another day's work. */
  async #settle(): Promise<void> {
    await this.#mover.settle().catch((error: unknown) => {
      this.#spool.system.log.warn({ error: String(error) }, 'a large body that nobody needs stays for now')
    })
  }

  #step(): Promise<number> {
    return this.#steps.run(() => this.#firing.step())
  }
}
