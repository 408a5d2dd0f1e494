import type { DroprError } from '../errors.ts'
import { hasBlob } from '../journal/blob-of.ts'
import { dueEndAt } from '../journal/due.ts'
import { duePlace } from '../journal/due-place.ts'
import { decodeMessage, entryBytes } from '../journal/entry.ts'
import type { Spool } from '../spool/spool.ts'
import type { Catalog } from './catalog.ts'
import { LATE_MS } from './fired.ts'
import { FiredMarks } from './fired-marks.ts'
import type { Held } from './held.ts'
import type { HeldBlobs } from './held-blobs.ts'
import { Lateness } from './lateness.ts'
import type { Marks } from './marks.ts'
import type { HeldRow } from './merge.ts'
import type { Outlet, Way } from './outlet.ts'
import type { Recent } from './recent.ts'
import type { Soon } from './soon.ts'
import { Trouble } from './trouble.ts'
import { WaitingAgain } from './waiting-again.ts'

/** How far ahead it is said that messages are handed over: one small sync for all that are due meanwhile. */
const HORIZON_MS = 2_000

/** What a step of the clock made early again is looked at so often. */
const EARLY_MS = 200

/** What became of one message that was due. */
export interface Fired {
  id: string
  to: string
  channel: string
  dueAt: number
  firedAt: number
  /** Undefined: it is in the outbox. Else it stays held, and is tried again. */
  error: DroprError | undefined
}

export interface FiringOptions {
  spool: Spool
  catalog: Catalog
  soon: Soon
  marks: Marks
  outlet: Outlet
  recent: Recent<'fired' | 'cancelled'>
  blobs: HeldBlobs
}

/**
 * Hands over what is due: appends it to the outbox, synced, then marks it. A crash in between hands it over again under the same
 * id, and the destination drops the second.
 */
export class Firing {
  readonly #options: FiringOptions
  readonly failed: WaitingAgain
  /** Whose turn it was in this millisecond of due time: two copies of a message (after a crash) are one. */
  readonly #seen = new Map<number, HeldRow>()
  #seenDue = Number.NaN
  #inHand: Promise<unknown> = Promise.resolve()
  #batch: readonly HeldRow[] = []
  #raising: Promise<void> = Promise.resolve()
  readonly #fired: FiredMarks
  fired = 0
  late = 0
  failures = 0
  /** When something was last handed over, wall ms. */
  firedAt: number | undefined
  readonly lateness = new Lateness()
  readonly trouble = new Trouble()
  /** Called with each batch. */
  onFired: ((fired: readonly Fired[]) => void) | undefined

  constructor(options: FiringOptions) {
    this.#options = options
    this.failed = new WaitingAgain(options.spool.system.clock)
    this.#fired = new FiredMarks(options)
    const { soon, outlet } = options
    soon.onRead = rows => {
      this.#raise()
      if (rows[0]!.due > options.spool.system.clock.now()) outlet.prepare(rows)
    }
  }

  /** Hands over one batch of what is due, and reads on meanwhile. Returns how long there is nothing to do, ms; 0: go on at once. */
  async step(): Promise<number> {
    const { soon } = this.#options
    // What is due does not wait for what comes after it to be read; what goes wrong there comes again when nothing is due.
    const reading = soon.readAhead()
    reading.catch(() => undefined)
    if (!soon.isDue) await reading
    // Again, in case that failed.
    this.#raise()
    const batch = [...this.failed.take().filter(isWaiting), ...soon.take()]
    this.#batch = batch
    // But for the very first batch: after a start with a million overdue it would wait for a large read.
    if (batch.length > 0 && this.fired > 0) soon.readAhead().catch(() => undefined)
    try {
      if (batch.length > 0) await this.#handOver(batch)
      else await reading
    } finally {
      this.#batch = []
    }
    return Math.min(soon.waitMs(), this.failed.waitMs)
  }

  /** Messages that are being handed over, or were and wait to be tried again. */
  get waiting(): HeldRow[] {
    return [...this.#batch, ...this.failed.rows].filter(({ held, position }) => !held.isDone(position))
  }

  /** Resolves when what is just being handed over is in the outbox, or is not. */
  async settled(): Promise<void> {
    await this.#inHand
  }

  /** Whether it can no longer be said that a message stays: it went, or is going. */
  static isBegun({ held, position, due }: { held: Held; position: number; due: number }): boolean {
    return held.tried.has(position) || due <= held.doubtTo
  }

  /** Resolves when all marks are synced, or have failed. */
  async marked(): Promise<void> {
    await this.#fired.said()
  }

  /** Says ahead of time that what is soon due may go. By due times, not by the clock, which may be decades wrong. */
  #raise(): void {
    const { marks, soon } = this.#options
    const { lastDue } = soon
    if (lastDue === undefined || lastDue <= marks.horizon) return
    this.#raising = marks.raise(lastDue + HORIZON_MS)
    this.#raising.catch(() => undefined)
  }

  async #handOver(batch: readonly HeldRow[]): Promise<void> {
    const { marks, outlet } = this.#options
    // A batch that may not go yet has not been begun.
    let horizon = 0
    for (const { due } of batch) if (due > horizon) horizon = due
    if (horizon > marks.horizon) {
      try {
        await this.#raising
        await marks.raise(horizon + HORIZON_MS)
      } catch (error) {
        this.#fail([...batch], error, 'mark that messages go')
        return
      }
    }
    const now = this.#options.spool.system.clock.now()
    const groups = new Map<Way, HeldRow[]>()
    const gone: HeldRow[] = []
    const { catalog } = this.#options
    const early: HeldRow[] = []
    for (const row of batch) {
      if (!isWaiting(row)) continue
      // The clock stepped back since it was taken.
      if (row.due > now) {
        early.push(row)
        continue
      }
      if (catalog.mayDouble(row.due) && this.#isDouble(row)) {
        gone.push(row)
        continue
      }
      const way = outlet.wayOf(row)
      const group = groups.get(way)
      if (group === undefined) groups.set(way, [row])
      else group.push(row)
    }
    if (early.length > 0) this.failed.add(early, EARLY_MS)
    const handing = Promise.all([...groups].map(([way, rows]) => this.#append(way, rows, now)))
    this.#inHand = handing
    for (const rows of await handing) for (const row of rows) gone.push(row)
    if (gone.length === 0) return
    this.#fired.add(gone)
    for (const { entry, at } of gone) if (hasBlob(entry!, at)) this.#options.blobs.doubt(entry!, at)
  }

  /** Failed ones come again, and are no doubles of themselves. */
  #isDouble(row: HeldRow): boolean {
    if (row.due !== this.#seenDue) {
      if (row.due < this.#seenDue) return false
      if (this.#seen.size > 0) this.#seen.clear()
      this.#seenDue = row.due
    }
    const first = this.#seen.get(row.a)
    if (first === undefined) this.#seen.set(row.a, row)
    if (first === undefined || (first.held === row.held && first.position === row.position)) return false
    return whose(first).equals(whose(row))
  }

  async #append(way: Way, rows: HeldRow[], now: number): Promise<HeldRow[]> {
    const { outlet, recent, blobs } = this.#options
    let error: DroprError | undefined
    for (const { held, position } of rows) held.tried.add(position)
    try {
      const to = { folder: way.folder, writer: outlet.writer }
      for (const { entry, at } of rows) if (hasBlob(entry!, at)) await blobs.handOver(entry!, at, to)
      await outlet.append(way, rows, now)
      this.fired += rows.length
      this.firedAt = now
      this.trouble.worked()
      for (const { held, position, due, a, b } of rows) {
        held.fired.add(position)
        recent.set(a, b, 'fired')
        this.lateness.add(now - due)
        if (now - due > LATE_MS) this.late++
      }
    } catch (caught) {
      error = this.#fail(rows, caught, `hand over to ${way.peer}`)
    }
    if (this.onFired !== undefined) {
      const { peer: to, channel } = way
      this.onFired(rows.map(row => ({ id: idOf(row), to, channel, dueAt: row.due, firedAt: now, error })))
    }
    return error === undefined ? rows : []
  }

  #fail(rows: HeldRow[], caught: unknown, doing: string): DroprError {
    const { system, limits } = this.#options.spool
    const error = this.trouble.failed(caught, { now: system.clock.now(), doing })
    this.failures++
    system.log.error({ code: error.code, messages: rows.length, error: error.message }, 'scheduled messages wait')
    this.failed.add(rows, limits.retryMsMin)
    return error
  }
}

/** False for one that was cancelled meanwhile, which is let go: it may come again when that could not be said. */
function isWaiting({ held, position }: HeldRow): boolean {
  if (!held.isDone(position)) return true
  held.letGo(position)
  return false
}

/** Priority, destination, channel and id: what makes two copies one message. */
function whose({ entry, at }: HeldRow): Buffer {
  const { idAt, idEnd, dueAt } = duePlace(entry!, at)!
  return Buffer.concat([entry!.subarray(dueAt + 6, dueEndAt(entry!, dueAt)), entry!.subarray(idAt, idEnd)])
}

function idOf({ entry, at }: HeldRow): string {
  return decodeMessage(entry!.subarray(at, at + entryBytes(entry!, at)), 0).id
}
