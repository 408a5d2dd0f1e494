import type { Spool } from '../spool/spool.ts'
import type { Buckets } from './buckets.ts'
import type { Catalog } from './catalog.ts'
import { Cursor } from './cursor.ts'
import type { Firing } from './firing.ts'
import type { Held } from './held.ts'
import type { CleanedBlobs, HeldBlobs } from './held-blobs.ts'
import { entriesOf } from './held-file.ts'
import type { IntakeReader } from './intake-reader.ts'
import { dissolvedTo, type Level } from './levels.ts'
import type { Marks } from './marks.ts'
import { takeMerged } from './merge.ts'
import type { Near } from './near.ts'
import { SEGMENT_ROWS_MAX } from './open-segment.ts'
import { setAside } from './set-aside.ts'
import { AHEAD_MS } from './soon.ts'

/** What is due so soon is not moved any more but handed over from where it lies. */
const STAYS_MS = 4 * AHEAD_MS
/** Bodies of a segment that are in memory at once while it is moved. */
const MOVE_BYTES = 16_777_216

export interface MoverOptions {
  spool: Spool
  levels: readonly Level[]
  catalog: Catalog
  buckets: Buckets
  intake: IntakeReader
  marks: Marks
  near: Near
  blobs: HeldBlobs
  firing: Firing
}

/** Brings messages to where they are due from: out of the intake, from coarse buckets to finer ones; and tidies up behind. */
export class Mover {
  readonly #options: MoverOptions
  promoted = 0

  constructor(options: MoverOptions) {
    this.#options = options
  }

  /** Takes over all there is in the intake. Returns how many messages came. */
  async drain(thorough: boolean): Promise<number> {
    const { intake, near } = this.#options
    await this.placeHomeless()
    await intake.look(thorough)
    let count = 0
    for (let added = await intake.drain(); added !== undefined; added = await intake.drain()) {
      near.added(added)
      for (const { from, to } of added) count += to - from
    }
    return count
  }

  /** Dissolves buckets whose time comes. Returns whether there was one; one segment at a time. */
  async promote(): Promise<boolean> {
    const { catalog, spool } = this.#options
    const now = spool.system.clock.now()
    let first: Held | undefined
    for (const held of catalog.all)
      if (this.#isToMove(held, now) && (first === undefined || held.minDue < first.minDue)) first = held
    if (first === undefined) return false
    await this.#move(first)
    // Not only when all is quiet: the rows of many open segments are in memory.
    await this.#options.buckets.tidy()
    return true
  }

  /** Ends what is idle, and removes what is finished. */
  async tidy(): Promise<void> {
    const { buckets, intake, catalog, firing, near, marks, blobs } = this.#options
    await buckets.tidy()
    await intake.tidy()
    await firing.marked()
    for (const held of catalog.all) {
      if (held.open || (held.left > 0 && !marks.moved.has(held.stream))) continue
      near.forget(held)
      await this.#remove(held)
    }
    if (marks.isDue && marks.homeless.size === 0) await marks.restate(catalog.all, await intake.streams())
    if (!blobs.looked) await blobs.doubtAll()
    await this.settle()
  }

  /** Removes the large bodies that nobody needs, once all that is known of their messages is on the disk. */
  async settle(): Promise<void> {
    const { blobs, firing, marks } = this.#options
    if (!blobs.isDue) return
    await firing.marked()
    if (!marks.isDue) await blobs.settle()
  }

  /** Looks at all large bodies that lie here, and removes, unless it is a dry run, those that nobody needs. */
  async cleanBlobs(dryRun: boolean): Promise<CleanedBlobs> {
    const { blobs, firing, marks } = this.#options
    await firing.marked()
    if (marks.isDue) return { files: 0, bytes: 0 }
    await blobs.doubtAll()
    return await blobs.settle(dryRun)
  }

  /** Messages that replaced others have their place in the marks until they are in a bucket. */
  async placeHomeless(): Promise<void> {
    const { marks, buckets, near, spool } = this.#options
    if (marks.homeless.size === 0) return
    const names = [...marks.homeless.keys()]
    for (const entry of marks.homeless.values()) buckets.addMessage(entry, spool.system.clock.now())
    const added = await buckets.commit()
    await marks.setPlaced(names).catch((error: unknown) => {
      marks.takeBack(added)
      throw error
    })
    near.added(added)
  }

  #isToMove(held: Held, now: number): boolean {
    if (held.active || held.moving || held.left === 0 || held.minDue <= now + STAYS_MS) return false
    // A dead scheduler's segment without tables: its messages go to one that will have them.
    if (held.rows !== undefined && !held.open) return true
    const { levels } = this.#options
    const index = levels.findIndex(({ name }) => name === held.level)
    return held.minDue < dissolvedTo(levels, Math.max(0, index), now)
  }

  async #move(held: Held): Promise<void> {
    const { spool, buckets, catalog, marks, near } = this.#options
    held.moving = true
    catalog.changed()
    try {
      await buckets.letGo(held)
      const cursors = [new Cursor(spool, held)]
      const bounds = { until: Number.POSITIVE_INFINITY, rowsMax: SEGMENT_ROWS_MAX, bytesMax: MOVE_BYTES }
      for (let rows = await takeMerged(cursors, bounds); rows.length > 0; rows = await takeMerged(cursors, bounds)) {
        const waiting = rows.filter(({ position }) => !held.isDone(position))
        const entries = await entriesOf(spool, held.path, waiting)
        if (entries.includes(undefined) && !held.scanned) return await this.#leave(held, cursors[0]!)
        const now = spool.system.clock.now()
        for (const entry of entries) if (entry !== undefined) buckets.addMessage(entry, now)
        const lost = waiting.filter((_, i) => entries[i] === undefined)
        if (lost.length > 0) await setAside(spool, held, lost)
      }
      const added = await buckets.commit()
      await marks.append({ m: [held.stream] }).catch((error: unknown) => {
        marks.takeBack(added)
        throw error
      })
      marks.moved.add(held.stream)
      near.added(added)
      this.promoted++
      catalog.copied(held)
      await this.#remove(held)
    } finally {
      held.moving = false
      catalog.changed()
    }
  }

  async #remove(held: Held): Promise<void> {
    const { catalog, blobs } = this.#options
    await catalog.remove(held)
    blobs.gone(held)
  }

  /** Damaged: what is readable is found by a look at the whole segment, and moved in the next turn. */
  async #leave(held: Held, cursor: Cursor): Promise<void> {
    this.#options.buckets.drop()
    await cursor.doubt()
    held.moving = false
  }
}
