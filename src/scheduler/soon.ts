import type { Spool } from '../spool/spool.ts'
import type { Catalog } from './catalog.ts'
import { MISSED_MS } from './fired.ts'
import type { HeldRow } from './merge.ts'
import type { Near } from './near.ts'

/** Bodies are read so long before they are due, a stretch at a time, and so many at most. */
export const AHEAD_MS = 1_000
const SOON_MAX = 65_536
const SOON_BYTES_MAX = 25_165_824
/** What is read at once while others are about to be due: it must not make them late. */
const READ_MAX = 1_024
/** With nothing due for so long there is time to read more. */
const CALM_MS = 100
/** What goes out in one commit. */
const BATCH_MAX = 4_096
/** Overdue messages wait so long for their turn at the catch-up rate. */
const TURN_MS = 10

/** The messages that are due next, with their bodies, in order; and how many of them may go now. */
export class Soon {
  readonly #spool: Spool
  readonly #catalog: Catalog
  readonly #near: Near
  #rows: HeldRow[] = []
  #first = 0
  /** Of those from `first` on. */
  #bytes = 0
  /** Up to where all that is due has been read. Wall ms. */
  #readTo = 0
  /** Something was read. */
  #began = false
  #allowance = 0
  #allowedTicks = 0
  #reading: Promise<void> | undefined
  /** Called with what was read. */
  onRead: ((rows: readonly HeldRow[]) => void) | undefined

  constructor(options: { spool: Spool; catalog: Catalog; near: Near }) {
    this.#spool = options.spool
    this.#catalog = options.catalog
    this.#near = options.near
  }

  get lastDue(): number | undefined {
    return this.#rows.at(-1)?.due
  }

  /** When the next one is due, of those that were read. */
  get firstDue(): number | undefined {
    return this.#rows[this.#first]?.due
  }

  /** How many of those that were read are due. */
  dueBy(now: number): number {
    let low = this.#first
    let high = this.#rows.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#rows[middle]!.due <= now) low = middle + 1
      else high = middle
    }
    return low - this.#first
  }

  /** There is something to take, whether or not the catch-up rate lets it go. */
  get isDue(): boolean {
    return (this.firstDue ?? Number.POSITIVE_INFINITY) <= this.#spool.system.clock.now()
  }

  get #size(): number {
    return this.#rows.length - this.#first
  }

  /** Enough for now: read on when half of it went. */
  get #isFull(): boolean {
    return this.#size > SOON_MAX / 2 || this.#bytes > SOON_BYTES_MAX / 2
  }

  /** Reads what is due within the next stretch, unless that has been read. One at a time. */
  readAhead(): Promise<void> {
    this.#reading ??= this.#readAhead().finally(() => {
      this.#reading = undefined
    })
    return this.#reading
  }

  /** Resolves when nothing is being read. */
  async idle(): Promise<void> {
    await this.#reading?.catch(() => undefined)
  }

  /** Takes out what is due now, at most a batch; what is overdue at the catch-up rate. */
  take(): HeldRow[] {
    const { clock } = this.#spool.system
    const now = clock.now()
    this.#allow(clock.ticks())
    const batch: HeldRow[] = []
    while (this.#first < this.#rows.length && batch.length < BATCH_MAX) {
      const row = this.#rows[this.#first]!
      if (row.due > now) break
      const isDone = row.held.isDone(row.position)
      if (!isDone && now - row.due > MISSED_MS && this.#allowance-- < 1) {
        this.#allowance = 0
        break
      }
      this.#first++
      this.#bytes -= row.bytes
      if (isDone) row.held.letGo(row.position)
      else batch.push(row)
    }
    if (this.#first * 2 > this.#rows.length) {
      this.#rows = this.#rows.slice(this.#first)
      this.#first = 0
    }
    return batch
  }

  /** How long until there is something to take or to read, ms. */
  waitMs(): number {
    if (this.#reading !== undefined) return 0
    const now = this.#spool.system.clock.now()
    const next = this.#rows[this.#first]?.due ?? Number.POSITIVE_INFINITY
    if (next <= now) return this.#allowance >= 1 || now - next <= MISSED_MS ? 0 : TURN_MS
    const unread = Math.min(this.#near.due, this.#catalog.soonest)
    const readIn = this.#isFull ? next - now : Math.max(1, unread - AHEAD_MS / 2 - now)
    return Math.min(next - now, readIn)
  }

  /** After a start the first of a million overdue does not wait for others to be read; then few large reads cost least. */
  #readMax(now: number): number {
    const next = this.firstDue
    if (!this.#began) return BATCH_MAX
    if (next === undefined) return SOON_MAX
    if (next > now + CALM_MS) return BATCH_MAX
    return next <= now ? SOON_MAX - this.#size : READ_MAX
  }

  #allow(ticks: number): void {
    const perSecond = this.#spool.limits.schedulePerSecondMax
    const more = ((ticks - this.#allowedTicks) / 1_000) * perSecond
    this.#allowance = Math.min(this.#allowance + more, Math.max(1, perSecond / 10))
    this.#allowedTicks = ticks
  }

  async #readAhead(): Promise<void> {
    const now = this.#spool.system.clock.now()
    const unread = Math.min(this.#near.due, this.#catalog.soonest)
    if (unread > now + AHEAD_MS || (unread > this.#readTo && this.#readTo > now + AHEAD_MS / 2)) return
    if (this.#isFull) return
    const until = now + AHEAD_MS
    if (this.#catalog.soonest <= until) {
      for (const held of this.#catalog.all)
        if (!held.active && !held.moving && held.minDue <= until) this.#near.activate(held)
      this.#catalog.changed()
    }
    const bounds = { until, rowsMax: this.#readMax(now), bytesMax: SOON_BYTES_MAX / 2 }
    const more = await this.#near.take(bounds)
    if (more.length < bounds.rowsMax) this.#readTo = until
    this.#began ||= more.length > 0
    const last = this.#rows.at(-1)
    for (const row of more) {
      this.#rows.push(row)
      this.#bytes += row.bytes
    }
    if (last !== undefined && more[0] !== undefined && byDue(last, more[0]) > 0) {
      this.#rows = this.#rows.slice(this.#first).sort(byDue)
      this.#first = 0
    }
    if (more.length > 0) this.onRead?.(more)
  }
}

function byDue(a: HeldRow, b: HeldRow): number {
  return a.due - b.due || a.sentAt - b.sentAt
}
