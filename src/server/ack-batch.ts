import { Bell } from '../system/bell.ts'
import type { Clock } from '../system/clock.ts'
import type { InboxJournal } from './inbox-journal.ts'
import type { DoneMark } from './inbox-marks.ts'
import type { PositionRun } from './inbox-port.ts'
import { Runs } from './runs.ts'

interface Group {
  lease: string
  stream: string
  runs: Runs
}

/** Between two rounds of ACKs that nobody waits for: each sync holds up the messages that arrive. */
const QUIET_MS = 5

/**
 * Gathers ACKs while the ones before are being synced, so that many of them are one mark. Those that nobody waits for are
 * gathered a little longer, unless somebody waits for one of them.
 */
export class AckBatch {
  readonly #journal: InboxJournal
  readonly #clock: Clock
  #groups = new Map<string, Group>()
  /** Ends the rest of the round that gathers now. */
  readonly #bell: Bell
  #round: Promise<void> | undefined
  /** Somebody waits for an ACK of that round. */
  #hurried = false
  #writing: Promise<unknown> = Promise.resolve()
  #restUntil = 0

  constructor(journal: InboxJournal, clock: Clock) {
    this.#journal = journal
    this.#clock = clock
    this.#bell = new Bell(clock)
  }

  /** Resolves when synced. */
  add(lease: string, stream: string, runs: readonly PositionRun[], quiet: boolean): Promise<void> {
    const key = `${lease} ${stream}`
    let group = this.#groups.get(key)
    if (group === undefined) {
      group = { lease, stream, runs: new Runs() }
      this.#groups.set(key, group)
    }
    for (const [from, to] of runs) group.runs.add(from, to)
    this.#round ??= this.#gather()
    if (!quiet) {
      this.#hurried = true
      this.#bell.ring()
    }
    return this.#round
  }

  async #gather(): Promise<void> {
    await this.#writing
    const restMs = this.#restUntil - this.#clock.ticks()
    if (restMs > 0 && !this.#hurried) await this.#bell.wait(restMs)
    return this.#write()
  }

  async #write(): Promise<void> {
    const groups = [...this.#groups.values()]
    this.#groups = new Map()
    this.#round = undefined
    this.#hurried = false
    const marks = groups.map(
      (group): DoneMark => ({ m: 'done', l: group.lease, s: group.stream, r: [...group.runs.list] })
    )
    const writing = Promise.all(marks.map(mark => this.#journal.mark(mark)))
    this.#writing = writing.catch(() => undefined)
    await writing
    this.#restUntil = this.#clock.ticks() + QUIET_MS
  }
}
