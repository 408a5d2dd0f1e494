import { systemCode } from '../errors.ts'
import { listSegments, type SegmentName } from '../journal/segment-names.ts'
import { foldersIn, type Spool } from '../spool/spool.ts'
import type { Held } from './held.ts'
import { openHeld } from './held-file.ts'
import { heldFilesOf } from './held-files.ts'
import type { Marks } from './marks.ts'

const LOOKS_AT_ONCE = 16
/** Of all segments of a shard together, in memory: some thirteen million ids. Those beyond it are looked into. */
const FILTER_BYTES_MAX = 16_777_216
const LEVEL = /^[a-z]{1,20}$/
const NO_LEVELS = new Set(['in', 'marks', 'blobs'])

/** All bucket segments of one shard. What each is about is in memory, a few hundred bytes; what is in it is not. */
export class Catalog {
  readonly #spool: Spool
  readonly #root: string
  readonly #marks: Marks
  readonly #held = new Map<string, Held>()
  #soonest: number | undefined
  #inherited = 0
  /** An earlier scheduler did not end, but died. */
  hadDeath = false
  /** The last due time of what was copied out of segments of earlier schedulers, wall ms. */
  #copiedTo = 0
  #filterBytes = 0

  constructor(options: { spool: Spool; root: string; marks: Marks }) {
    this.#spool = options.spool
    this.#root = options.root
    this.#marks = options.marks
  }

  /** Finds what is there. `marks` must have been folded. */
  async open(): Promise<void> {
    const { files } = this.#spool.system
    const found: { segment: SegmentName; level: string }[] = []
    const folders: { folder: string; empty: boolean }[] = []
    for (const level of await foldersIn(files, this.#root)) {
      if (!LEVEL.test(level) || NO_LEVELS.has(level)) continue
      for (const bucket of await foldersIn(files, `${this.#root}/${level}`)) {
        const folder = `${this.#root}/${level}/${bucket}`
        const segments = await listSegments(files, folder)
        for (const segment of segments) found.push({ segment, level })
        folders.push({ folder, empty: segments.length === 0 })
      }
    }
    let at = 0
    const work = async () => {
      for (let next = found[at++]; next !== undefined; next = found[at++]) await this.#find(next.segment, next.level)
    }
    await Promise.all(Array.from({ length: LOOKS_AT_ONCE }, work))
    // One after the other: the last of a folder takes it along, and the others have it to sync.
    for (const held of this.all) if (this.#marks.moved.has(held.stream) || held.left === 0) await this.remove(held)
    await this.#settle(folders)
  }

  /**
   * What an earlier scheduler removed and did not live to sync would be back after a power cut. As long as that may be, nobody must
   * forget what became of the messages in it.
   */
  async #settle(folders: readonly { folder: string; empty: boolean }[]): Promise<void> {
    const { files } = this.#spool.system
    const streams = new Set(Array.from(this.all, ({ stream }) => stream))
    const all = this.#marks.knowsMore(streams)
    for (const { folder, empty } of folders) {
      // One that was finished was removed with its folder just now, and synced before.
      if ((all || empty) && (await files.stat(folder)) !== undefined) await files.syncFolder(folder)
      if (empty) await this.#removeFolder(folder)
    }
  }

  get all(): IterableIterator<Held> {
    return this.#held.values()
  }

  get size(): number {
    return this.#held.size
  }

  /** A message due then may lie twice: beside segments of earlier schedulers, or copied out of two of them. */
  mayDouble(due: number): boolean {
    return this.#inherited > 0 || due <= this.#copiedTo
  }

  /** Its messages lie in segments of this scheduler now. */
  copied({ inherited, maxDue }: Held): void {
    if (inherited && maxDue > this.#copiedTo) this.#copiedTo = maxDue
  }

  /** Messages that wait. */
  get left(): number {
    let left = 0
    for (const held of this.all) left += held.left
    return left
  }

  add(held: Held): void {
    this.#held.set(held.path, held)
    this.#keepFilter(held)
    this.changed()
  }

  /** It has got its tables. */
  sealed(held: Held): void {
    if (this.#held.has(held.path)) this.#keepFilter(held)
  }

  /** What is first due in a segment, or whether it may become active, has changed. */
  changed(): void {
    this.#soonest = undefined
  }

  /** When the first message is due in a segment that is not yet active. */
  get soonest(): number {
    if (this.#soonest !== undefined) return this.#soonest
    let soonest = Number.POSITIVE_INFINITY
    for (const { active, minDue } of this.all) if (!active && minDue < soonest) soonest = minDue
    this.#soonest = soonest
    return soonest
  }

  /** When the first message is due in any segment of which something is left. */
  get firstDue(): number {
    let first = Number.POSITIVE_INFINITY
    for (const { left, minDue } of this.all) if (left > 0 && minDue < first) first = minDue
    return first
  }

  /** Removes the file of a segment of which nothing is left, and its folder when it was the last. Durable when resolved. */
  async remove(held: Held): Promise<void> {
    const { files } = this.#spool.system
    await heldFilesOf(this.#spool).forget(held.path)
    await files.remove(held.path)
    await files.syncFolder(held.folder)
    this.#held.delete(held.path)
    this.#filterBytes -= held.filterBytes
    if (held.inherited) this.#inherited--
    this.#marks.moved.delete(held.stream)
    this.changed()
    for (const other of this.all) if (other.folder === held.folder) return
    await this.#removeFolder(held.folder)
  }

  #keepFilter(held: Held): void {
    const { summary } = held
    if (summary?.filter === undefined) return
    if (this.#filterBytes + summary.filter.length > FILTER_BYTES_MAX) summary.filter = undefined
    else this.#filterBytes += held.filterBytes = summary.filter.length
  }

  async #find(segment: SegmentName, level: string): Promise<void> {
    const held = await openHeld(this.#spool, segment, level)
    if (held === undefined) return
    this.#marks.tell(held)
    held.doubtTo = this.#marks.horizon
    this.#inherited++
    if (held.foot === undefined) this.hadDeath = true
    held.inherited = true
    this.add(held)
  }

  async #removeFolder(folder: string): Promise<void> {
    try {
      await this.#spool.system.files.removeFolder(folder)
      this.#spool.folders.forget(folder)
    } catch (error) {
      if (systemCode(error) !== 'ENOTEMPTY') throw error
    }
  }
}
