import type { InboxJournal } from './inbox-journal.ts'
import type { DoneMark } from './inbox-marks.ts'
import type { PositionRun } from './inbox-port.ts'
import { Runs } from './runs.ts'

interface Group {
  lease: string
  stream: string
  runs: Runs
}

/** Gathers ACKs while the ones before are being synced, so that many of them are one mark. */
export class AckBatch {
  readonly #journal: InboxJournal
  #groups = new Map<string, Group>()
  /** The round that gathers now. */
  #round: Promise<void> | undefined
  #writing: Promise<unknown> = Promise.resolve()

  constructor(journal: InboxJournal) {
    this.#journal = journal
  }

  /** Resolves when synced. */
  add(lease: string, stream: string, runs: readonly PositionRun[]): Promise<void> {
    const key = `${lease} ${stream}`
    let group = this.#groups.get(key)
    if (group === undefined) {
      group = { lease, stream, runs: new Runs() }
      this.#groups.set(key, group)
    }
    for (const [from, to] of runs) group.runs.add(from, to)
    this.#round ??= this.#writing.then(() => this.#write())
    return this.#round
  }

  async #write(): Promise<void> {
    const groups = [...this.#groups.values()]
    this.#groups = new Map()
    this.#round = undefined
    const marks = groups.map(
      (group): DoneMark => ({ m: 'done', l: group.lease, s: group.stream, r: [...group.runs.list] })
    )
    const writing = Promise.all(marks.map(mark => this.#journal.mark(mark)))
    this.#writing = writing.catch(() => undefined)
    await writing
  }
}
