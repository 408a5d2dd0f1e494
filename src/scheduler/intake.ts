import type { Ids } from '../journal/ids.ts'
import { JournalWriter } from '../journal/journal-writer.ts'
import type { Done, Draft, Due } from '../message.ts'
import { SpaceWatch } from '../spool/space-watch.ts'
import type { Spool } from '../spool/spool.ts'
import { hashOfText } from './hash.ts'
import { SchedulePoker } from './poker.ts'
import { shardRoot } from './shard-root.ts'

export type DueDraft = Draft & { due: Due }

/** What is due later than this is found by the scheduler's timed scan in time. */
const POKE_SCANS = 2

/**
 * Puts messages into schedule/in, from any process, whether or not a scheduler runs. Resolved: synced.
 *
 * With several shards messages take turns among them; those with an id of the caller's always go to the same.
 */
export class ScheduleIntake {
  readonly #spool: Spool
  readonly #writer: string
  readonly #ids: Ids
  readonly #shards: number
  readonly #journals = new Map<number, JournalWriter>()
  readonly #poker: SchedulePoker
  readonly #space: SpaceWatch
  #turn = 0
  #soonest = Number.POSITIVE_INFINITY

  /** @param options.writer The name under which this process lives (WriterLife). */
  constructor(options: { spool: Spool; writer: string; ids: Ids; shards?: number }) {
    this.#spool = options.spool
    this.#writer = options.writer
    this.#ids = options.ids
    this.#shards = options.shards ?? 1
    this.#poker = new SchedulePoker(options.spool)
    const { system, path, limits } = options.spool
    this.#space = new SpaceWatch({ system, path, limits })
  }

  /** Resolves with `done(id, draft)` once synced. */
  append<T>(draft: DueDraft, done: Done<DueDraft, T>, buffered = false): Promise<T> {
    const full = this.#full<T>(draft.body.length, draft.sentAt)
    if (full !== undefined) return full
    this.#soonest = Math.min(this.#soonest, draft.due.at)
    return this.#journal(draft.id).append(draft, done, buffered, draft.sentAt)
  }

  /** All or none, in this order. */
  appendAll<T>(drafts: readonly DueDraft[], done: Done<DueDraft, T>, buffered = false): Promise<T[]> {
    const bytes = drafts.reduce((sum, { body }) => sum + body.length, 0)
    const full = this.#full<T[]>(bytes, drafts[0]?.sentAt)
    if (full !== undefined) return full
    for (const { due } of drafts) this.#soonest = Math.min(this.#soonest, due.at)
    return this.#journal(drafts[0]?.id).appendAll(drafts, done, buffered)
  }

  /** Where a large body lies whose message is appended next, with this id as that of the first. */
  folder(id: string): string {
    return this.#folder(this.#shardOf(id))
  }

  /** Commits what waits and seals. */
  async close(): Promise<void> {
    const closing = await Promise.allSettled([...this.#journals.values()].map(journal => journal.close()))
    await this.#poker.close()
    for (const closed of closing) if (closed.status === 'rejected') throw closed.reason
  }

  /** Rejects with DISK_FULL when too little is free for so many bytes more. */
  #full<T>(bytes: number, now?: number): Promise<T> | undefined {
    try {
      this.#space.check(bytes, 1, now)
      return undefined
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #journal(id: string | undefined): JournalWriter {
    const shard = this.#shardOf(id)
    let journal = this.#journals.get(shard)
    if (journal === undefined) {
      const { system, folders, id: spool, limits } = this.#spool
      journal = new JournalWriter({
        system,
        folders,
        folder: this.#folder(shard),
        writer: this.#writer,
        spool,
        limits,
        ids: this.#ids,
        onCommit: () => this.#committed(shard)
      })
      this.#journals.set(shard, journal)
    }
    return journal
  }

  #shardOf(id: string | undefined): number {
    return this.#shards === 1 ? 0 : (id === undefined ? this.#turn++ : hashOfText(id)) % this.#shards
  }

  #folder(shard: number): string {
    return `${shardRoot(this.#spool.path, shard)}/in`
  }

  #committed(shard: number): void {
    const { system, limits } = this.#spool
    if (this.#soonest - system.clock.now() > POKE_SCANS * limits.scanMs) return
    this.#soonest = Number.POSITIVE_INFINITY
    this.#poker.poke(shard)
  }
}
