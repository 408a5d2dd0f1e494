import { systemCode } from '../errors.ts'
import { duePlace } from '../journal/due-place.ts'
import type { Spool } from '../spool/spool.ts'
import type { Added } from './buckets.ts'
import { Cursor } from './cursor.ts'
import type { Held } from './held.ts'
import { readEntries } from './held-file.ts'
import { type HeldRow, takeMerged } from './merge.ts'
import { setAside } from './set-aside.ts'

/** The segments from which messages are handed over, and what comes next in them. */
export class Near {
  readonly #spool: Spool
  readonly #cursors = new Map<Held, Cursor>()
  /** To be gone through from the beginning: something that was passed over is to come after all. */
  readonly #again = new Set<Held>()

  constructor(spool: Spool) {
    this.#spool = spool
  }

  activate(held: Held): void {
    held.active = true
    this.#cursors.set(held, new Cursor(this.#spool, held))
  }

  /** Rows were added to segments; to those that are not active they come with the activation. */
  added(added: readonly Added[]): void {
    for (const { held, from, to } of added) this.#cursors.get(held)?.added(from, to)
  }

  /** Those of its messages that nobody has in hand come (again), as far as they wait. */
  again(held: Held): void {
    if (this.#cursors.has(held)) this.#again.add(held)
  }

  forget(held: Held): void {
    this.#again.delete(held)
    this.#cursors.delete(held)
  }

  get size(): number {
    return this.#cursors.size
  }

  /** Messages that wait in them. */
  get left(): number {
    let left = 0
    for (const held of this.#cursors.keys()) left += held.left
    return left
  }

  /** When the next one is due, or earlier. */
  get due(): number {
    if (this.#again.size > 0) return 0
    let due = Number.POSITIVE_INFINITY
    for (const cursor of this.#cursors.values()) due = Math.min(due, cursor.pending)
    return due
  }

  /** The next messages up to those due at `until`, in the order in which they go out. What is damaged is left out, and said. */
  async take(bounds: { until: number; rowsMax: number; bytesMax: number }): Promise<HeldRow[]> {
    for (const held of this.#again) this.#cursors.set(held, new Cursor(this.#spool, held))
    this.#again.clear()
    const rows = await takeMerged([...this.#cursors.values()], bounds)
    const waiting = rows.filter(({ held, position }) => !held.isDone(position) && !held.taken.has(position))
    for (const { held, position } of waiting) held.taken.add(position)
    try {
      await this.#read(waiting)
    } catch (error) {
      this.#giveBack(waiting)
      throw error
    }
    return waiting.filter(({ entry }) => entry !== undefined)
  }

  async #read(rows: readonly HeldRow[]): Promise<void> {
    const byHeld = new Map<Held, HeldRow[]>()
    for (const row of rows) {
      const list = byHeld.get(row.held)
      if (list === undefined) byHeld.set(row.held, [row])
      else list.push(row)
    }
    await Promise.all([...byHeld].map(([held, list]) => this.#readFrom(held, list)))
    for (const [held, list] of byHeld) {
      // A row that says something else than its message is damaged too.
      for (const row of list) if (row.entry !== undefined && !isRowOf(row)) row.entry = undefined
      const doubtful = list.filter(({ entry }) => entry === undefined)
      if (doubtful.length > 0) await this.#doubt(held, doubtful)
    }
  }

  async #readFrom(held: Held, rows: readonly HeldRow[]): Promise<void> {
    try {
      await readEntries(this.#spool, held.path, rows, (row, entry, at) => {
        row.entry = entry
        row.at = at
      })
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error
    }
  }

  /** The first time: looks at the whole segment, and what is readable comes again. After that it is lost, set aside and said. */
  async #doubt(held: Held, rows: readonly HeldRow[]): Promise<void> {
    for (const { position } of rows) held.taken.delete(position)
    if (!held.scanned && !held.open) {
      await this.#cursors.get(held)?.doubt()
      return
    }
    await setAside(this.#spool, held, rows)
    held.hasLost = true
    for (const { position } of rows) held.fired.add(position)
  }

  #giveBack(rows: readonly HeldRow[]): void {
    for (const { held, position } of rows) held.taken.delete(position)
    for (const held of new Set(rows.map(row => row.held)))
      if (this.#cursors.has(held)) this.#cursors.set(held, new Cursor(this.#spool, held))
  }
}

function isRowOf({ entry, at, due }: HeldRow): boolean {
  const place = duePlace(entry!, at)
  return place !== undefined && entry!.readUIntLE(place.dueAt, 6) === due
}
