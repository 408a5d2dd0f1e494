import { diskError, systemCode } from '../errors.ts'
import type { Spool } from './spool.ts'

/** Where small files are replaced whole: the spool itself, and its rooms of notes. */
const FOLDERS = ['', '/cancelled', '/wiped', '/paused', '/removed', '/run']
/** What such a file is called before it is finished. */
const UNFINISHED = /^(?:FORMAT|README\.md|.+\.json)\.[0-9a-f]{12}(?:\.new(?:\.[0-9]+)?)?$/

/**
 * Removes what processes were writing when they ended, under names that nothing reads. It is written within milliseconds: what is
 * there at two looks, and as long as before, has no writer. Segments and large bodies are judged by who owns them.
 */
export class Leftovers {
  readonly #spool: Spool
  /** Bytes of those that the last look found. */
  #seen = new Map<string, number>()

  constructor(spool: Spool) {
    this.#spool = spool
  }

  /** @throws DroprError DISK_* */
  async turn(): Promise<void> {
    const seen = new Map<string, number>()
    for (const below of FOLDERS) {
      const folder = this.#spool.path + below
      try {
        await this.#look(folder, seen)
      } catch (error) {
        if (systemCode(error) !== 'ENOENT') throw diskError(error, `look for leftovers in ${folder}`)
      }
    }
    this.#seen = seen
  }

  async #look(folder: string, seen: Map<string, number>): Promise<void> {
    const { files, log } = this.#spool.system
    for (const { name, kind } of await files.list(folder)) {
      if (kind !== 'file' || !UNFINISHED.test(name)) continue
      const path = `${folder}/${name}`
      const bytes = (await files.stat(path))?.bytes
      if (bytes === undefined) continue
      if (this.#seen.get(path) !== bytes) {
        seen.set(path, bytes)
        continue
      }
      await files.remove(path)
      await files.syncFolder(folder)
      log.warn({ path, bytes }, 'removed what a process was writing when it ended')
    }
  }
}
