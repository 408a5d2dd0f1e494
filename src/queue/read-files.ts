import type { Files, ReadFile } from '../system/files.ts'
import { ReadAhead, readAt } from './read-ahead.ts'

/** `fresh`: just written. `ahead`: may have been read with what was before it, even before it was written. `straight`: from the file. */
export type How = 'fresh' | 'ahead' | 'straight'

interface Open {
  file: Promise<ReadFile>
  ahead: ReadAhead
  readers: number
  evicted: boolean
}

/** A claim mostly names the segment that the one before did. */
const OPEN_MAX = 8

/** Segments being read, the last few kept open. */
export class ReadFiles {
  readonly #files: Files
  readonly #open = new Map<string, Open>()

  constructor(files: Files) {
    this.#files = files
  }

  /** Up to `bytes` bytes from `position`; fewer when the file ends. Rejects with system errors. */
  async read(path: string, position: number, bytes: number, how: How): Promise<Buffer> {
    const open = this.#get(path)
    open.readers++
    try {
      const file = await open.file
      if (how === 'straight') open.ahead.forget()
      const ahead = how === 'ahead' ? await open.ahead.read(file, position, bytes) : undefined
      return ahead ?? (await readAt(file, position, bytes, how === 'fresh'))
    } catch (error) {
      this.#evict(path, open)
      throw error
    } finally {
      open.readers--
      if (open.evicted) close(open)
    }
  }

  close(): void {
    for (const [path, open] of this.#open) this.#evict(path, open)
  }

  #get(path: string): Open {
    const known = this.#open.get(path)
    if (known !== undefined) {
      // The most recently used last.
      this.#open.delete(path)
      this.#open.set(path, known)
      return known
    }
    const open: Open = { file: this.#files.open(path), ahead: new ReadAhead(), readers: 0, evicted: false }
    this.#open.set(path, open)
    for (const [oldest, old] of this.#open) {
      if (this.#open.size <= OPEN_MAX) break
      this.#evict(oldest, old)
    }
    return open
  }

  #evict(path: string, open: Open): void {
    if (open.evicted) return
    open.evicted = true
    this.#open.delete(path)
    close(open)
  }
}

function close(open: Open): void {
  if (open.readers > 0) return
  open.file.then(file => file.close()).catch(() => undefined)
}
