import { diskError } from '../errors.ts'
import { hasBlob } from '../journal/blob-of.ts'
import { listBlobs, parsePlacedBlob } from './blob-names.ts'
import { readFates, walkLetters } from './dead-walk.ts'
import type { Spool } from './spool.ts'

/** All letters of a channel are read for it: no more often than this. */
const LOOK_MS = 3_600_000

/**
 * Removes large bodies from the dead letters whose letter is gone, was sent back or dropped, or never came to be. Not before it
 * was found so twice: a body comes before its letter.
 */
export class DeadBlobs {
  readonly #spool: Spool
  /** By channel: when it was looked at, and what nobody owned then. */
  readonly #looked = new Map<string, { ticks: number; alone: ReadonlySet<string> }>()

  constructor(spool: Spool) {
    this.#spool = spool
  }

  /**
   * @returns How many went.
   * @throws DroprError DISK_*
   */
  async clean(channel: string): Promise<number> {
    const { clock, files } = this.#spool.system
    const before = this.#looked.get(channel)
    if (before !== undefined && clock.ticks() - before.ticks < LOOK_MS) return 0
    const folder = this.#spool.dead(channel)
    try {
      const blobs = await listBlobs(files, folder, parsePlacedBlob)
      if (blobs.length === 0) return 0
      const owned = await this.#owned(channel, folder)
      const alone = blobs.filter(({ stream, position }) => !owned.has(`${stream} ${position}`)).map(({ path }) => path)
      const going = alone.filter(path => before?.alone.has(path) === true)
      for (const path of going) await files.remove(path)
      this.#looked.set(channel, { ticks: clock.ticks(), alone: new Set(alone) })
      return going.length
    } catch (error) {
      throw diskError(error, `clean ${folder}`)
    }
  }

  /** Stream and position of each letter here that has a large body. */
  async #owned(channel: string, folder: string): Promise<Set<string>> {
    const { files } = this.#spool.system
    const { fates } = await readFates(files, folder)
    const owned = new Set<string>()
    for await (const { letters } of walkLetters({ files, folder, channel, fates }))
      for (const { stream, position, entry, state } of letters)
        if (state === 'dead' && hasBlob(entry, 0)) owned.add(`${stream} ${position}`)
    return owned
  }
}
