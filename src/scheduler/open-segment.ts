import { FRAME_HEADER_BYTES_MAX } from '../journal/frame.ts'
import type { Place } from '../journal/segment-file.ts'
import { SegmentFile } from '../journal/segment-file.ts'
import type { Spool } from '../spool/spool.ts'
import { Held } from './held.ts'
import { Rows } from './rows.ts'
import { decodeSummary } from './summary.ts'
import { encodeFoot, encodePages, IDS_PER_PAGE, ROWS_PER_PAGE } from './tables.ts'

/** A segment ends there: small ones are found again fast after a crash, and go sooner. */
export const SEGMENT_ROWS_MAX = 32_768
export const SEGMENT_BYTES_MAX = 8_388_608

/** The bucket segment this process appends to. After a failure it takes nothing more; what was committed stays. */
export class OpenSegment {
  readonly held: Held
  readonly #file: SegmentFile
  readonly #rows = new Rows()
  /** Added, not yet committed. */
  #waiting: Buffer[] = []
  #waitingBytes = 0
  #failed = false
  usedAt = 0
  /** Somebody is just adding to it. */
  busy = false

  private constructor(file: SegmentFile, held: Held) {
    this.#file = file
    this.held = held
    held.rows = this.#rows
    held.open = true
  }

  static async create(spool: Spool, where: { folder: string; level: string; writer: string }): Promise<OpenSegment> {
    const { folder, level, writer } = where
    const file = await SegmentFile.create({
      system: spool.system,
      folders: spool.folders,
      folder,
      writer,
      spool: spool.id,
      limits: { segmentBytesMax: SEGMENT_BYTES_MAX }
    })
    const { path, n, head } = file
    return new OpenSegment(file, new Held({ path, n, writer }, level, head.stream))
  }

  get rows(): number {
    return this.#rows.count
  }

  get waiting(): number {
    return this.#waiting.length
  }

  get full(): boolean {
    return (
      this.#rows.count + this.#waiting.length >= SEGMENT_ROWS_MAX ||
      this.#file.bytes + this.#waitingBytes >= SEGMENT_BYTES_MAX
    )
  }

  /** @param entry A whole message with a due part; not changed until the commit. */
  add(entry: Buffer): void {
    this.#waiting.push(entry)
    this.#waitingBytes += entry.length
  }

  /**
   * Syncs what was added, and counts it as held from then on. Rejected: it is counted too, as cancelled, since it may be readable.
   *
   * @returns The row numbers that came, which are their positions too.
   */
  async commit(): Promise<{ from: number; to: number }> {
    const from = this.held.count
    const entries = this.#waiting
    this.#waiting = []
    this.#waitingBytes = 0
    if (entries.length === 0) return { from, to: from }
    try {
      this.#count(entries, (await this.#frame(entries)).payloadAt)
    } catch (error) {
      this.#failed = true
      // They may be there, and have their positions: nobody here reads them.
      for (let n = from; n < from + entries.length; n++) this.held.cancelled.add(n)
      if (this.held.count === from) this.#count(entries, 0)
      throw error
    }
    return { from, to: this.held.count }
  }

  #count(entries: readonly Buffer[], offset: number): void {
    let at = offset
    for (const entry of entries) {
      const due = this.#rows.add(entry, 0, { offset: at, position: this.held.count })
      if (due === undefined) throw new Error('a message without a due part')
      this.held.grown(due)
      at += entry.length
    }
  }

  /** Ends it with its tables; they need not stay in memory then. A failure leaves a segment without them. */
  async seal(): Promise<void> {
    const { held } = this
    if (this.#failed || held.count === 0) return this.leave()
    try {
      const pages = encodePages(this.#rows.bytes())
      const rows = await this.#frame(pages.rows, false)
      const ids = await this.#frame(pages.ids, false)
      const foot = {
        rows: held.count,
        rowsPerPage: ROWS_PER_PAGE,
        idsPerPage: IDS_PER_PAGE,
        rowsAt: rows.payloadAt,
        idsAt: ids.payloadAt,
        minDue: held.minDue,
        maxDue: held.maxDue
      }
      await this.#frame([pages.summary], false)
      await this.#frame([encodeFoot(foot)], false)
      await this.#file.seal()
      held.foot = foot
      held.summary = decodeSummary(pages.summary, foot)
      // Whoever hands over from it goes on with the rows it has.
      if (!held.active) held.rows = undefined
    } catch (error) {
      await this.leave()
      throw error
    } finally {
      held.open = false
    }
  }

  /** Lets the file go as it is. */
  async leave(): Promise<void> {
    this.held.open = false
    await this.#file.close()
  }

  async #frame(entries: Buffer[], synced = true): Promise<Place> {
    const header = Buffer.alloc(FRAME_HEADER_BYTES_MAX)
    const frame = { kind: 'data' as const, source: undefined, count: entries.length, payload: entries, header }
    const bytes = entries.reduce((sum, entry) => sum + entry.length, 0)
    const commit = { frames: [{ ...frame, joined: false }], waiters: [], bytes, synced }
    const [place] = await this.#file.write(commit)
    return place!
  }
}
