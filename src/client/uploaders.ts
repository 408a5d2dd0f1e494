import { folderKey, type Where } from './lookout.ts'
import type { Uploader } from './uploader.ts'

const NONE: ReadonlySet<Uploader> = new Set()

/** The uploaders of one peer, found by stream and by folder, and the counts of those that have finished. */
export class Uploaders {
  readonly #byStream = new Map<string, Uploader>()
  readonly #byFolder = new Map<string, Set<Uploader>>()
  #acked = 0
  #refused = 0

  get size(): number {
    return this.#byStream.size
  }

  get(stream: string): Uploader | undefined {
    return this.#byStream.get(stream)
  }

  all(): IterableIterator<Uploader> {
    return this.#byStream.values()
  }

  in(where: Where): ReadonlySet<Uploader> {
    return this.#byFolder.get(folderKey(where)) ?? NONE
  }

  has(uploader: Uploader): boolean {
    return this.#byStream.get(uploader.source.stream) === uploader
  }

  add(uploader: Uploader): void {
    const key = folderKey(uploader.source)
    this.#byStream.set(uploader.source.stream, uploader)
    const folder = this.#byFolder.get(key)
    if (folder === undefined) this.#byFolder.set(key, new Set([uploader]))
    else folder.add(uploader)
  }

  remove(uploader: Uploader): void {
    const key = folderKey(uploader.source)
    const folder = this.#byFolder.get(key)
    this.#byStream.delete(uploader.source.stream)
    folder?.delete(uploader)
    if (folder?.size === 0) this.#byFolder.delete(key)
    this.#acked += uploader.counts.acked
    this.#refused += uploader.counts.refused
  }

  /** Of all that were ever here. */
  counts(): { acked: number; refused: number } {
    const counts = { acked: this.#acked, refused: this.#refused }
    for (const uploader of this.all()) {
      counts.acked += uploader.counts.acked
      counts.refused += uploader.counts.refused
    }
    return counts
  }
}
