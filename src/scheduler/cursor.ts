import type { Spool } from '../spool/spool.ts'
import type { Held } from './held.ts'
import { readPages, rescan } from './held-file.ts'
import { dueOf, type HeldRow, heldRowAt, ROW_BYTES, type Rows, sentAtOf } from './rows.ts'
import { type Foot, pagePlace } from './tables.ts'

const NO_ROWS = Buffer.alloc(0)
/** Rows of a segment that are in memory at once, at most. */
const ROWS_AHEAD_MAX = 2_048

/**
 * Goes through the messages of one bucket segment in the order in which they are due.
 *
 * Of a sealed segment a page of its table is in memory, and more the longer it is followed; of one without tables its rows, as a
 * heap, into which come those that are added meanwhile.
 */
export class Cursor {
  readonly held: Held
  readonly #spool: Spool
  #page: Buffer = NO_ROWS
  #at = 0
  /** Pages that come after it and were read with it. */
  #ahead: Buffer[] = []
  #nextPage = 0
  #pagesAtOnce = 1
  #heap: number[] = []
  #rows: Rows | undefined
  readonly #all: boolean

  /** @param all Also those that were taken out to be handed over, and are not yet. */
  constructor(spool: Spool, held: Held, all = false) {
    this.#spool = spool
    this.held = held
    this.#all = all
    if (held.rows !== undefined) this.#useRows(held.rows)
  }

  /** When the next one is due; undefined when there is none, or `load` is to be called. */
  get due(): number | undefined {
    if (this.#rows !== undefined) return this.#heap.length === 0 ? undefined : this.#rows.due(this.#heap[0]!)
    return this.#at < this.#page.length / ROW_BYTES ? dueOf(this.#page, this.#at) : undefined
  }

  /** As `due`, also before a `load`; 0 when only that will tell, infinite when there is nothing more. */
  get pending(): number {
    const { foot, summary } = this.held
    if (this.due !== undefined) return this.due
    if (this.#ahead[0] !== undefined) return dueOf(this.#ahead[0], 0)
    const hasPages = this.#rows === undefined && foot !== undefined && this.#nextPage * foot.rowsPerPage < foot.rows
    return hasPages ? (summary?.firstDue[this.#nextPage] ?? 0) : Number.POSITIVE_INFINITY
  }

  /** When the next one was sent. */
  get sentAt(): number {
    if (this.#rows !== undefined) return this.#rows.sentAt(this.#heap[0]!)
    return sentAtOf(this.#page, this.#at)
  }

  /** Rows were added to the segment. */
  added(from: number, to: number): void {
    for (let row = from; row < to; row++) this.#push(row)
  }

  /** Makes `due` tell what is next. False: there is nothing more, for now. */
  async load(): Promise<boolean> {
    while (this.due === undefined) {
      if (this.#rows !== undefined) return false
      const foot = this.held.foot
      if (this.#turnPage()) continue
      if (foot === undefined || this.#nextPage * foot.rowsPerPage >= foot.rows) return false
      await this.#loadPages(foot)
    }
    return true
  }

  /** The next one, which is taken out with this. */
  take(): HeldRow {
    if (this.#rows !== undefined) return this.#rows.heldAt(this.#pop(), this.held)
    return heldRowAt(this.#page, this.#at++, this.held)
  }

  /** Begins at the first that is due at `due` or later. */
  async seek(due: number): Promise<void> {
    const foot = this.held.foot
    if (this.#rows !== undefined || foot === undefined) {
      while (this.due !== undefined && this.due < due) this.#pop()
      return
    }
    let low = 0
    let high = Math.ceil(foot.rows / foot.rowsPerPage)
    while (high - low > 1) {
      const middle = (low + high) >> 1
      const first = await this.#firstDue(foot, middle)
      if (this.#rows !== undefined) return this.seek(due)
      if (first < due) low = middle
      else high = middle
    }
    this.#begin(low)
    while ((await this.load()) && this.due !== undefined && this.due < due) this.#pass(due)
  }

  /** When the first of a page is due: known, or read. */
  async #firstDue(foot: Foot, page: number): Promise<number> {
    const known = this.held.summary?.firstDue[page]
    if (known !== undefined) return known
    this.#begin(page)
    await this.#loadPages(foot)
    this.#turnPage()
    return this.due ?? 0
  }

  #begin(page: number): void {
    this.#page = NO_ROWS
    this.#at = 0
    this.#ahead = []
    this.#nextPage = page
    this.#pagesAtOnce = 1
  }

  /** Leaves out what is due before, of what is in memory. */
  #pass(due: number): void {
    if (this.#rows !== undefined) this.#pop()
    else while (this.#at < this.#page.length / ROW_BYTES && dueOf(this.#page, this.#at) < due) this.#at++
  }

  /** False: the next page is to be read. */
  #turnPage(): boolean {
    const page = this.#ahead.shift()
    if (page === undefined) return false
    this.#page = page
    this.#at = 0
    return true
  }

  /** What the tables say is not so: go on with what a look at the whole segment gives. */
  async doubt(): Promise<void> {
    if (!this.held.scanned) {
      await rescan(this.#spool, this.held)
      this.held.recount()
    }
    if (this.held.rows !== undefined && this.#rows !== this.held.rows) this.#useRows(this.held.rows)
  }

  async #loadPages(foot: Foot): Promise<void> {
    const items = { count: foot.rows, perPage: foot.rowsPerPage, itemBytes: ROW_BYTES }
    const first = this.#nextPage
    const count = Math.min(this.#pagesAtOnce, Math.ceil(foot.rows / foot.rowsPerPage) - first)
    const places = Array.from({ length: count }, (_, i) => pagePlace(foot.rowsAt, items, first + i))
    const pages = await readPages(this.#spool, this.held.path, places)
    if (pages === undefined) return this.doubt()
    this.#ahead = pages
    this.#nextPage = first + count
    this.#pagesAtOnce = Math.max(1, Math.min(this.#pagesAtOnce * 2, Math.floor(ROWS_AHEAD_MAX / foot.rowsPerPage)))
  }

  #useRows(rows: Rows): void {
    this.#rows = rows
    this.#page = NO_ROWS
    this.#ahead = []
    this.#heap = []
    for (let row = 0; row < rows.count; row++) {
      const { position } = rows.at(row)
      if (!this.held.isDone(position) && (this.#all || !this.held.taken.has(position))) this.#push(row)
    }
  }

  #before(a: number, b: number): boolean {
    const rows = this.#rows!
    const earlier = rows.due(a) - rows.due(b) || rows.sentAt(a) - rows.sentAt(b) || a - b
    return earlier < 0
  }

  #push(row: number): void {
    const heap = this.#heap
    let at = heap.push(row) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!this.#before(row, heap[parent]!)) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = row
  }

  #pop(): number {
    const heap = this.#heap
    const first = heap[0]!
    const last = heap.pop()!
    if (heap.length === 0) return first
    let at = 0
    for (;;) {
      let child = at * 2 + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && this.#before(heap[child + 1]!, heap[child]!)) child++
      if (!this.#before(heap[child]!, last)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
    return first
  }
}
