import { type DroprError, diskError } from '../errors.ts'
import { duePlace } from '../journal/due-place.ts'
import type { Spool } from '../spool/spool.ts'
import type { Catalog } from './catalog.ts'
import type { Held } from './held.ts'
import { bucketName, type Level, placeOf } from './levels.ts'
import type { Marks } from './marks.ts'
import { OpenSegment } from './open-segment.ts'

/** Segments open at once, and rows of them in memory: beyond it the oldest, or the largest, gets its tables. */
const OPEN_MAX = 64
const ROWS_OPEN_MAX = 262_144
/** One that nothing was added to for so long gets its tables, when it is worth it. */
const IDLE_MS = 5_000
const IDLE_ROWS_MIN = 1_024
const COMMITS_AT_ONCE = 8
const NAMES_MAX = 1_000

/** Rows that came into a segment. */
export interface Added {
  held: Held
  from: number
  to: number
}

/** Puts messages into the buckets they belong to. What was added is there, synced, when `commit` resolves: all, or it rejects. */
export class Buckets {
  readonly #spool: Spool
  readonly #root: string
  readonly #levels: readonly Level[]
  readonly #writer: string
  readonly #catalog: Catalog
  readonly #marks: Marks
  readonly #open = new Map<string, OpenSegment>()
  /** Folders by when their bucket begins, by level: making a name takes longer than all else here. */
  readonly #names: Map<number, string>[]
  #batch = new Map<string, { level: string; entries: Buffer[] }>()

  constructor(options: {
    spool: Spool
    root: string
    levels: readonly Level[]
    writer: string
    catalog: Catalog
    marks: Marks
  }) {
    this.#spool = options.spool
    this.#root = options.root
    this.#levels = options.levels
    this.#names = options.levels.map(() => new Map())
    this.#writer = options.writer
    this.#catalog = options.catalog
    this.#marks = options.marks
  }

  /** @param entry A whole message with a due part, not changed until the commit. */
  add(entry: Buffer, due: number, now: number): void {
    const { index, start } = placeOf(this.#levels, due, now)
    const { name: level, lengthMs } = this.#levels[index]!
    let names = this.#names[index]!
    if (names.size > NAMES_MAX) names = this.#names[index] = new Map()
    let folder = names.get(start)
    if (folder === undefined) {
      folder = `${this.#root}/${level}/${bucketName(start, lengthMs)}`
      names.set(start, folder)
    }
    const waiting = this.#batch.get(folder)
    if (waiting === undefined) this.#batch.set(folder, { level, entries: [entry] })
    else waiting.entries.push(entry)
  }

  /** @param entry As `add`; when it is due is read from it. */
  addMessage(entry: Buffer, now: number): void {
    const place = duePlace(entry, 0)
    if (place !== undefined) this.add(entry, entry.readUIntLE(place.dueAt, 6), now)
  }

  /** Forgets what was added since the last commit. */
  drop(): void {
    this.#batch = new Map()
  }

  /**
   * Syncs all that was added since the last time, over all buckets.
   *
   * @throws DroprError DISK_*: nothing of it counts then; what had come so far is taken back.
   */
  async commit(): Promise<Added[]> {
    const batch = [...this.#batch]
    this.#batch = new Map()
    const added: Added[] = []
    let failed: DroprError | undefined
    let next = 0
    const work = async () => {
      while (next < batch.length && failed === undefined) {
        const [folder, { level, entries }] = batch[next++]!
        try {
          await this.#append(folder, level, entries, added)
        } catch (error) {
          failed ??= diskError(error, `write to ${folder}`)
        }
      }
    }
    await Promise.all(Array.from({ length: COMMITS_AT_ONCE }, work))
    this.#catalog.changed()
    if (failed === undefined) return added
    this.#marks.takeBack(added)
    throw failed
  }

  /** Gives tables to those that are large or idle. */
  async tidy(): Promise<void> {
    const now = this.#spool.system.clock.ticks()
    for (const [folder, segment] of this.#open)
      if (segment.usedAt + IDLE_MS < now && (segment.rows >= IDLE_ROWS_MIN || segment.held.left === 0))
        await this.#seal(folder, segment)
    while (this.#rowsOpen() > ROWS_OPEN_MAX) {
      const [folder, segment] = [...this.#open].reduce((a, b) => (b[1].rows > a[1].rows ? b : a))
      await this.#seal(folder, segment)
    }
  }

  /** Nothing more goes into that segment. */
  async letGo(held: Held): Promise<void> {
    const segment = this.#open.get(held.folder)
    if (segment?.held === held) await this.#seal(held.folder, segment)
  }

  async close(): Promise<void> {
    for (const [folder, segment] of this.#open) await this.#seal(folder, segment)
  }

  async #append(folder: string, level: string, entries: Buffer[], added: Added[]): Promise<void> {
    for (let at = 0; at < entries.length; ) {
      const segment = await this.#segment(folder, level)
      segment.busy = true
      while (at < entries.length && (segment.waiting === 0 || !segment.full)) segment.add(entries[at++]!)
      const from = segment.held.count
      try {
        added.push({ held: segment.held, ...(await segment.commit()) })
      } catch (error) {
        // What was not synced may be readable all the same, for the next scheduler.
        added.push({ held: segment.held, from, to: segment.held.count })
        this.#open.delete(folder)
        await segment.leave()
        throw error
      } finally {
        segment.busy = false
      }
      if (segment.full) await this.#seal(folder, segment)
    }
  }

  async #segment(folder: string, level: string): Promise<OpenSegment> {
    let segment = this.#open.get(folder)
    if (segment === undefined) {
      if (this.#open.size >= OPEN_MAX) {
        const idle = [...this.#open].filter(([, { busy }]) => !busy)
        const [oldFolder, old] = idle.reduce((a, b) => (b[1].usedAt < a[1].usedAt ? b : a))
        await this.#seal(oldFolder, old)
      }
      segment = await OpenSegment.create(this.#spool, { folder, level, writer: this.#writer })
      this.#open.set(folder, segment)
      this.#catalog.add(segment.held)
    }
    segment.usedAt = this.#spool.system.clock.ticks()
    return segment
  }

  /** What fails here only costs a look at the whole segment later. */
  async #seal(folder: string, segment: OpenSegment): Promise<void> {
    this.#open.delete(folder)
    try {
      if (segment.held.left === 0) await segment.leave()
      else await segment.seal()
      this.#catalog.sealed(segment.held)
    } catch (error) {
      const { path } = segment.held
      this.#spool.system.log.warn({ path, error: String(error) }, 'a bucket segment stays without tables')
    }
  }

  #rowsOpen(): number {
    let rows = 0
    for (const segment of this.#open.values()) if (!segment.held.active) rows += segment.rows
    return rows
  }
}
