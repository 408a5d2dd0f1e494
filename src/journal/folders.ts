import { diskError, systemCode } from '../errors.ts'
import type { Files } from '../system/files.ts'

/**
 * Folders that survive a power cut.
 *
 * A folder is durable once its parent is synced, up to the root. Each process syncs all parents of a folder before it uses
 * it for the first time, also when it found the folder there: another process may have made it and not yet synced it.
 */
export class Folders {
  readonly #files: Files
  readonly #root: string
  readonly #ready = new Map<string, Promise<void>>()

  /** @param root Exists and is durable; nothing above it is touched. */
  constructor(files: Files, root: string) {
    this.#files = files
    this.#root = root
  }

  /** Makes the folder and what is missing above it. Resolved: their names survive a power cut. */
  ensure(path: string): Promise<void> {
    const known = this.#ready.get(path)
    if (known !== undefined) return known
    const making = this.#make(path).catch((error: unknown) => {
      this.#ready.delete(path)
      throw diskError(error, `make folder ${path}`)
    })
    this.#ready.set(path, making)
    return making
  }

  /** A folder that was removed must be made, and made durable, again. */
  forget(path: string): void {
    this.#ready.delete(path)
  }

  async #make(path: string): Promise<void> {
    if (path === this.#root) return
    const parent = path.slice(0, path.lastIndexOf('/'))
    if (!path.startsWith(`${this.#root}/`)) throw new Error(`${path} is not below ${this.#root}`)
    await this.ensure(parent)
    try {
      await this.#files.makeFolder(path)
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error
      this.#ready.delete(parent)
      await this.ensure(parent)
      await this.#files.makeFolder(path)
    }
    await this.#files.syncFolder(parent)
  }
}
