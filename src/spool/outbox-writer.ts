import type { Ids } from '../journal/ids.ts'
import type { Draft } from '../message.ts'
import { type CommitAt, JournalCache } from './journal-cache.ts'
import { SpaceWatch } from './space-watch.ts'
import type { Spool } from './spool.ts'

/** Where a message goes. Checked by the caller. */
export interface Target {
  peer: string
  channel: string
  priority: number
}

/** That something was committed there: what the client need not look for. May be lost. */
export interface OutboxHint extends Target {
  /** The segment, and how many of its bytes are written; not said while it is being written. */
  path: string
  end?: number | undefined
}

/** Appends what this process sends. Rejections are typed; after one the message may or may not be there (P2). */
export class OutboxWriter {
  readonly #spool: Spool
  readonly #cache: JournalCache
  readonly #poke: (hint: OutboxHint) => void
  readonly #places = new Map<string, { folder: string; to: Target }>()
  readonly #targets = new Map<string, Target>()
  /** Where the last append went: most follow one to the same place. */
  #last: { folder: string; to: Target } = { folder: '', to: { peer: '', channel: '', priority: -1 } }

  readonly #space: SpaceWatch

  /**
   * @param options.writer The name under which this process lives (WriterLife).
   * @param options.poke Called after each commit, before its appends resolve.
   */
  constructor(options: { spool: Spool; writer: string; ids: Ids; poke?: (hint: OutboxHint) => void }) {
    const { spool, writer, ids, poke = () => undefined } = options
    this.#spool = spool
    this.#poke = poke
    const { system, path, limits } = spool
    this.#space = new SpaceWatch({ system, path, limits })
    const onCommit = (folder: string, { path, end }: CommitAt) => this.#tell(folder, path, end)
    // Nobody waits for our disk before it is sent on: what the peer has is there, whatever becomes of ours.
    const onWriting = (folder: string, path: string) => this.#tell(folder, path)
    this.#cache = new JournalCache({ spool, writer, ids, onCommit, onWriting })
  }

  /** Resolves with `done(id)` once durable; `buffered`: once in the page cache. */
  append<T>(to: Target, draft: Draft, done: (id: string) => T, buffered = false): Promise<T> {
    const { length } = draft.body
    if (this.#space.fits(length, draft.sentAt)) return this.#append(to, draft, done, buffered)
    const own = ownCopy(draft)
    return this.#space.ask(length).then(() => this.#append(to, own, done, buffered))
  }

  /** All of them or none, in this order. */
  appendAll<T>(to: Target, drafts: readonly Draft[], done: (id: string) => T, buffered = false): Promise<T[]> {
    const bytes = drafts.reduce((sum, { body }) => sum + body.length, 0)
    if (this.#space.fits(bytes, drafts[0]?.sentAt)) return this.#appendAll(to, drafts, done, buffered)
    const own = drafts.map(ownCopy)
    return this.#space.ask(bytes).then(() => this.#appendAll(to, own, done, buffered))
  }

  #append<T>(to: Target, draft: Draft, done: (id: string) => T, buffered: boolean): Promise<T> {
    const folder = this.#folder(to)
    const journal = this.#cache.find(folder)
    if (journal !== undefined) return journal.append(draft, done, buffered, draft.sentAt)
    // It may have to wait for its folder; what the caller does to the body meanwhile must not show.
    const own = ownCopy(draft)
    return this.#cache.use(folder, opened => opened.append(own, done, buffered))
  }

  #appendAll<T>(to: Target, drafts: readonly Draft[], done: (id: string) => T, buffered: boolean): Promise<T[]> {
    const folder = this.#folder(to)
    const journal = this.#cache.find(folder)
    if (journal !== undefined) return journal.appendAll(drafts, done, buffered)
    const own = drafts.map(ownCopy)
    return this.#cache.use(folder, opened => opened.appendAll(own, done, buffered))
  }

  /** Commits what waits and seals all segments: what a next process sends comes after these (P6). */
  close(): Promise<void> {
    return this.#cache.close()
  }

  #folder(to: Target): string {
    const last = this.#last.to
    if (to.channel === last.channel && to.peer === last.peer && to.priority === last.priority) return this.#last.folder
    const key = `${to.peer}/${to.priority}/${to.channel}`
    let place = this.#places.get(key)
    if (place === undefined) {
      const { peer, channel, priority } = to
      place = { folder: this.#spool.outbox(peer, channel, priority), to: { peer, channel, priority } }
      this.#places.set(key, place)
      this.#targets.set(place.folder, place.to)
    }
    this.#last = place
    return place.folder
  }

  #tell(folder: string, path: string, end?: number): void {
    const target = this.#targets.get(folder)
    if (target === undefined) return
    const { peer, channel, priority } = target
    this.#poke({ peer, channel, priority, path, end })
  }
}

function ownCopy(draft: Draft): Draft {
  const { body, headers } = draft
  return {
    ...draft,
    body: typeof body === 'string' ? body : Buffer.from(body),
    headers: headers === undefined ? undefined : { ...headers }
  }
}
