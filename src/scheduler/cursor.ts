import type { Spool } from '../spool/spool.ts'
import type { Held } from './held.ts'
import { readPage, rescan } from './held-file.ts'
import { dueOf, type HeldRow, heldRowAt, ROW_BYTES, type Rows, sentAtOf } from './rows.ts'
import { type Foot, pagePlace } from './tables.ts'

const NO_ROWS = Buffer.alloc(0)

/**
 * Goes through the messages of one bucket segment in the order in which they are due.
 *
 * Of a sealed segment one page of its table is in memory; of one without tables its rows, as a heap, into which come those
 * that are added meanwhile.
 */
export class Cursor {
  readonly held: Held
  readonly #spool: Spool
  #page: Buffer = NO_ROWS
  #at = 0
  #nextPage = 0
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

  /** As `due`; 0 when that is only known after a `load`, infinite when there is nothing more. */
  get pending(): number {
    const { foot } = this.held
    if (this.due !== undefined) return this.due
    const hasPages = this.#rows === undefined && foot !== undefined && this.#nextPage * foot.rowsPerPage < foot.rows
    return hasPages ? 0 : Number.POSITIVE_INFINITY
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
      if (foot === undefined || this.#nextPage * foot.rowsPerPage >= foot.rows) return false
      await this.#loadPage(foot)
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
      this.#nextPage = middle
      await this.#loadPage(foot)
      if (this.#rows !== undefined) return this.seek(due)
      if (dueOf(this.#page, 0) < due) low = middle
      else high = middle
    }
    this.#page = NO_ROWS
    this.#at = 0
    this.#nextPage = low
    while ((await this.load()) && this.due !== undefined && this.due < due) this.take()
  }

  /** What the tables say is not so: go on with what a look at the whole segment gives. */
  async doubt(): Promise<void> {
    if (!this.held.scanned) {
      await rescan(this.#spool, this.held)
      this.held.recount()
    }
    if (this.held.rows !== undefined && this.#rows !== this.held.rows) this.#useRows(this.held.rows)
  }

  async #loadPage(foot: Foot): Promise<void> {
    const items = { count: foot.rows, perPage: foot.rowsPerPage, itemBytes: ROW_BYTES }
    const page = await readPage(this.#spool, this.held.path, pagePlace(foot.rowsAt, items, this.#nextPage))
    if (page === undefined) return this.doubt()
    this.#page = page
    this.#at = 0
    this.#nextPage++
  }

  #useRows(rows: Rows): void {
    this.#rows = rows
    this.#page = NO_ROWS
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
