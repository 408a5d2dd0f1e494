import { systemCode } from '../errors.ts'
import type { Files } from '../system/files.ts'

const PID_BYTES_MAX = 100

/**
 * A pid file, for scripts that want one. Nothing of ours reads it: the lock says who runs, so that a file from before a crash or
 * a reboot blocks nobody.
 */
export class PidFile {
  readonly #files: Files
  readonly #path: string

  private constructor(files: Files, path: string) {
    this.#files = files
    this.#path = path
  }

  /** @param path Absolute. */
  static async write(files: Files, path: string): Promise<PidFile> {
    await files.replace(path, `${process.pid}\n`)
    return new PidFile(files, path)
  }

  /** Removes it, unless it is somebody else's by now. */
  async remove(): Promise<void> {
    try {
      const text = (await this.#files.read(this.#path, PID_BYTES_MAX)).toString()
      if (text.trim() === String(process.pid)) await this.#files.remove(this.#path)
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error
    }
  }
}
