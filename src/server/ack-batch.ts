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
 * Gathers ACKs, so that many of them are one mark: those of one turn, and those that nobody waits for a little longer, until
 * somebody waits for one of them.
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
  /** Rounds on their way to the disk. */
  #writing = 0
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

  /** Those that somebody waits for go with the next commit of the journal, whatever else is on its way. */
  async #gather(): Promise<void> {
    // What is said in the same turn goes along.
    await Promise.resolve()
    while (!this.#hurried) {
      const restMs = this.#writing > 0 ? QUIET_MS : this.#restUntil - this.#clock.ticks()
      if (restMs <= 0) break
      await this.#bell.wait(restMs)
    }
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
    this.#writing++
    try {
      await Promise.all(marks.map(mark => this.#journal.mark(mark)))
    } finally {
      this.#writing--
      this.#restUntil = this.#clock.ticks() + QUIET_MS
    }
  }
}
