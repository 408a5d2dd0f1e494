import { systemCode } from '../errors.ts'
import type { Spool } from '../spool/spool.ts'
import type { Files, ReadFile } from '../system/files.ts'

const OPEN_MAX = 512
/** Of those that this process may have open. */
const SHARE = 1 / 4
const bySpool = new WeakMap<Spool, HeldFiles>()

/** One for all shards of a process. */
export function heldFilesOf(spool: Spool): HeldFiles {
  let files = bySpool.get(spool)
  if (files === undefined) {
    files = new HeldFiles(spool.system.files, Math.min(OPEN_MAX, Math.ceil(spool.limits.filesOpenMax * SHARE)))
    bySpool.set(spool, files)
  }
  return files
}

interface Handle {
  opening: Promise<ReadFile>
  /** Who reads just now. */
  users: number
  /** To be closed when nobody reads any more. */
  over: boolean
}

/** Segments held open for reading: opening one takes as long as reading a page of it. The longest unused is closed. */
export class HeldFiles {
  readonly #files: Files
  readonly #max: number
  readonly #handles = new Map<string, Handle>()

  constructor(files: Files, max: number) {
    this.#files = files
    this.#max = max
  }

  async use<T>(path: string, read: (file: ReadFile) => Promise<T>): Promise<T> {
    const handle = this.#handle(path)
    handle.users++
    try {
      return await read(await handle.opening)
    } finally {
      handle.users--
      if (handle.over && handle.users === 0) await this.#end(handle)
    }
  }

  /** Nothing more is read of it. */
  async forget(path: string): Promise<void> {
    const handle = this.#handles.get(path)
    if (handle === undefined) return
    this.#handles.delete(path)
    await this.#over(handle)
  }

  async close(): Promise<void> {
    await Promise.all([...this.#handles.keys()].map(path => this.forget(path)))
  }

  #handle(path: string): Handle {
    const known = this.#handles.get(path)
    // The latest used stands last.
    if (known !== undefined) this.#handles.delete(path)
    const handle = known ?? { opening: this.#open(path), users: 0, over: false }
    this.#handles.set(path, handle)
    if (known === undefined) {
      handle.opening.catch(() => {
        if (this.#handles.get(path) === handle) this.#handles.delete(path)
      })
      for (const oldest of this.#handles.keys()) {
        if (this.#handles.size <= this.#max) break
        void this.forget(oldest)
      }
    }
    return handle
  }

  async #open(path: string): Promise<ReadFile> {
    try {
      return await this.#files.open(path)
    } catch (error) {
      if (systemCode(error) !== 'EMFILE' && systemCode(error) !== 'ENFILE') throw error
      await this.close()
      return await this.#files.open(path)
    }
  }

  async #over(handle: Handle): Promise<void> {
    handle.over = true
    if (handle.users === 0) await this.#end(handle)
  }

  /** A file that was only read from is closed, whatever closing says. */
  async #end(handle: Handle): Promise<void> {
    await handle.opening.then(file => file.close()).catch(() => undefined)
  }
}
