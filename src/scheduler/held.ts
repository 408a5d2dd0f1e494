import type { SegmentName } from '../journal/segment-names.ts'
import { Bits } from './bits.ts'
import type { Rows } from './rows.ts'
import type { Summary } from './summary.ts'
import type { Foot } from './tables.ts'

/** One bucket segment: where it lies, what is in it as a whole, and what became of its messages. No bodies. */
export class Held {
  readonly path: string
  readonly folder: string
  readonly level: string
  readonly n: number
  /** 32 hex digits. */
  readonly stream: string
  /** Tables at its end; undefined when it has none (open, or its writer died): then `rows` has them. */
  foot: Foot | undefined
  rows: Rows | undefined
  /** Of its tables; undefined also when it has tables without one. */
  summary: Summary | undefined
  /** What its filter takes of the room for all. */
  filterBytes = 0
  minDue = Number.POSITIVE_INFINITY
  maxDue = 0
  count = 0
  /** This process still appends to it. */
  open = false
  /** Messages are handed over from it: it is not moved any more. */
  active = false
  /** Its messages are being copied to finer buckets: it does not become active any more. */
  moving = false
  /** An earlier scheduler wrote it. */
  inherited = false
  /** Its tables were found wrong once. */
  scanned = false
  /** Some of its messages could not be read when they were to be handed over. */
  hasLost = false
  /** Positions handed over, or not to be counted twice. */
  readonly fired = new Bits()
  readonly cancelled = new Bits()
  /** Positions taken out to be handed over soon. */
  readonly taken = new Bits()
  /** Positions whose handing over was begun: whether they went nobody can take back. */
  readonly tried = new Bits()
  /** What is due by then an earlier scheduler may have handed over without having said so. Wall ms. */
  doubtTo = 0
  /** Done, and no longer readable. */
  #lost = 0

  constructor(segment: SegmentName, level: string, stream: string) {
    this.path = segment.path
    this.folder = segment.path.slice(0, segment.path.lastIndexOf('/'))
    this.n = segment.n
    this.level = level
    this.stream = stream
  }

  isDone(position: number): boolean {
    return this.fired.has(position) || this.cancelled.has(position)
  }

  /** One that was taken out is not handed over now. */
  letGo(position: number): void {
    this.taken.delete(position)
  }

  /** Messages that still wait. */
  get left(): number {
    return this.count + this.#lost - this.fired.count - this.cancelled.count
  }

  /** Must be called when marks of earlier times have been added, or `rows` replaced. */
  recount(): void {
    this.#lost = 0
    if (this.rows === undefined || !this.scanned) return
    let done = 0
    for (let i = 0; i < this.rows.count; i++) if (this.isDone(this.rows.at(i).position)) done++
    this.#lost = this.fired.count + this.cancelled.count - done
  }

  setFoot(foot: Foot, summary: Summary | undefined): void {
    this.foot = foot
    this.summary = summary
    this.count = foot.rows
    this.minDue = foot.minDue
    this.maxDue = foot.maxDue
  }

  setRows(rows: Rows): void {
    this.foot = undefined
    this.summary = undefined
    this.rows = rows
    this.count = 0
    this.minDue = Number.POSITIVE_INFINITY
    this.maxDue = 0
    for (let i = 0; i < rows.count; i++) this.grown(rows.due(i))
  }

  /** One row more, due then. */
  grown(due: number): void {
    this.count++
    if (due < this.minDue) this.minDue = due
    if (due > this.maxDue) this.maxDue = due
  }
}
