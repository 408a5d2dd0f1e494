import { DroprError } from '../errors.ts'
import type { Ids } from '../journal/ids.ts'
import { JournalWriter } from '../journal/journal-writer.ts'
import type { Spool } from './spool.ts'

/** Fewer than that make no sense: a process must be able to write somewhere. */
const OPEN_MIN = 8

/** Where a commit of one of the journals ends. */
export interface CommitAt {
  path: string
  n: number
  end: number
}

interface Open {
  folder: string
  journal: JournalWriter
  usedAt: number
}

/**
 * The journals one process writes to, by folder; at most `limits.filesOpenMax` open at once.
 *
 * The one not used for longest is closed for another, which seals its segment: the next append there makes a new one. That
 * waits until the old one has got its last byte, since readers take the end of a segment for final once a later one is there.
 */
export class JournalCache {
  readonly #spool: Spool
  readonly #writer: string
  readonly #ids: Ids
  readonly #folderGoes: boolean
  readonly #onCommit: ((folder: string, at: CommitAt) => void) | undefined
  readonly #onWriting: ((folder: string, path: string) => void) | undefined
  readonly #open = new Map<string, Open>()
  /** What waits for a folder's earlier journal to be closed, in order. */
  readonly #closing = new Map<string, (() => void)[]>()
  readonly #shutting = new Set<Promise<void>>()
  /** Folders whose last segment got no seal, and why: to say that all was closed in order would break P6. */
  readonly #unsealed = new Map<string, unknown>()
  #openMax: number
  #uses = 0
  #closed = false

  constructor(options: {
    spool: Spool
    writer: string
    ids: Ids
    /** See `JournalWriterOptions`. */
    folderGoes?: boolean
    onCommit?: ((folder: string, at: CommitAt) => void) | undefined
    onWriting?: ((folder: string, path: string) => void) | undefined
  }) {
    this.#spool = options.spool
    this.#writer = options.writer
    this.#ids = options.ids
    this.#folderGoes = options.folderGoes ?? false
    this.#onCommit = options.onCommit
    this.#onWriting = options.onWriting
    this.#openMax = options.spool.limits.filesOpenMax
  }

  /** How many are open, and how many are being closed. */
  get size(): number {
    return this.#open.size + this.#closing.size
  }

  /** The journal of that folder if it is open: the way of all appends but the first. */
  find(folder: string): JournalWriter | undefined {
    const open = this.#open.get(folder)
    if (open === undefined) return undefined
    open.usedAt = ++this.#uses
    return open.journal
  }

  /** Calls `append` with the journal of that folder, in the order of the calls; when an earlier one is being closed, after that. */
  use<T>(folder: string, append: (journal: JournalWriter) => Promise<T>): Promise<T> {
    const journal = this.find(folder)
    if (journal !== undefined) return append(journal)
    const waiting = this.#closing.get(folder)
    if (waiting === undefined) return this.#useNew(folder, append)
    return new Promise<T>((resolve, reject) => {
      waiting.push(() => {
        this.use(folder, append).then(resolve, reject)
      })
    })
  }

  /** Makes ready to append so much there, unless something would have to be closed for it. Never rejects: the append will. */
  async prepare(folder: string, bytes: number): Promise<void> {
    if (this.#closed || this.#closing.has(folder)) return
    if (!this.#open.has(folder) && this.#open.size >= this.#openMax) return
    await this.use(folder, journal => journal.prepare(bytes)).catch(() => undefined)
  }

  /** Seals what is written to in that folder, if anything is; what comes later goes into another segment. Never rejects. */
  async rest(folder: string): Promise<void> {
    await this.#shut(folder)?.catch(() => undefined)
  }

  /** Commits what waits and seals everything. Rejects with the first failure, when all are closed. */
  async close(): Promise<void> {
    this.#closed = true
    for (const folder of this.#open.keys()) void this.#shut(folder)
    await Promise.allSettled(this.#shutting)
    for (const error of this.#unsealed.values()) throw error
  }

  async #useNew<T>(folder: string, append: (journal: JournalWriter) => Promise<T>): Promise<T> {
    if (this.#closed) throw new DroprError('CLOSED', `${folder} takes nothing more: the queue is closed`)
    while (this.#open.size >= this.#openMax) this.#shutOldest()
    const journal = this.#journal(folder)
    this.#open.set(folder, { folder, journal, usedAt: ++this.#uses })
    try {
      return await append(journal)
    } catch (error) {
      if (error instanceof DroprError && error.code === 'FILES_EXHAUSTED') this.#makeDo()
      throw error
    }
  }

  #journal(folder: string): JournalWriter {
    const { blocks, system, folders, id, limits } = this.#spool
    const onCommit = this.#onCommit
    const onWriting = this.#onWriting
    return new JournalWriter({
      blocks,
      system,
      folders,
      folder,
      writer: this.#writer,
      spool: id,
      limits,
      ids: this.#ids,
      endsWithSeal: true,
      folderGoes: this.#folderGoes,
      ...(onCommit === undefined ? {} : { onCommit: (at: CommitAt) => onCommit(folder, at) }),
      ...(onWriting === undefined ? {} : { onWriting: (path: string) => onWriting(folder, path) })
    })
  }

  /** The system has fewer files for us than we thought: carry on with half of what is open. */
  #makeDo(): void {
    this.#openMax = Math.max(OPEN_MIN, Math.ceil(this.#open.size / 2))
    while (this.#open.size > this.#openMax) this.#shutOldest()
  }

  #shutOldest(): void {
    let oldest: Open | undefined
    for (const open of this.#open.values()) if (oldest === undefined || open.usedAt < oldest.usedAt) oldest = open
    if (oldest !== undefined) void this.#shut(oldest.folder)
  }

  #shut(folder: string): Promise<void> | undefined {
    const open = this.#open.get(folder)
    if (open === undefined) return undefined
    this.#open.delete(folder)
    this.#closing.set(folder, [])
    const shutting = open.journal.close().finally(() => {
      this.#shutting.delete(shutting)
      const waiting = this.#closing.get(folder) ?? []
      this.#closing.delete(folder)
      for (const go of waiting) go()
    })
    this.#shutting.add(shutting)
    // Those who wait are told by their own promises. A later segment that is sealed tells of this one too.
    shutting.then(
      () => this.#unsealed.delete(folder),
      (error: unknown) => {
        this.#unsealed.set(folder, error)
        this.#spool.system.log.debug({ folder, error: String(error) }, 'a segment was left without a seal')
      }
    )
    return shutting
  }
}
