import type { Ids } from '../journal/ids.ts'
import { type DeadFates, type Gone, type GoneMark, letterRows, marksWriter } from '../spool/dead-marks.ts'
import { JournalCache } from '../spool/journal-cache.ts'
import type { Spool } from '../spool/spool.ts'

/** Writes down what became of dead letters, into segments of the owner's own. */
export class DeadLedger {
  readonly #spool: Spool
  readonly #cache: JournalCache

  constructor(options: { spool: Spool; epoch: number; ids: Ids }) {
    this.#spool = options.spool
    this.#cache = new JournalCache({ ...options, writer: marksWriter(options.epoch), folderGoes: true })
  }

  /** Resolves when synced. */
  mark(channel: string, mark: object): Promise<void> {
    return this.#cache.use(this.#spool.dead(channel), journal => journal.appendMark(mark))
  }

  /** Resolves when it is durable that these letters are gone. */
  async gone(
    channel: string,
    how: Gone,
    letters: readonly { stream: string; position: number }[],
    fates: DeadFates
  ): Promise<void> {
    const rows = letterRows(letters)
    const mark: GoneMark = { gone: { how, t: this.#spool.system.clock.now(), l: rows } }
    await this.mark(channel, mark)
    fates.note(how, rows)
  }

  /** Nothing more is written there for now: ends the segment, so that it may go when its letters went. */
  rest(channel: string): Promise<void> {
    return this.#cache.rest(this.#spool.dead(channel))
  }

  close(): Promise<void> {
    return this.#cache.close()
  }
}
