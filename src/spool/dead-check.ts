import { diskError } from '../errors.ts'
import { listSegments } from '../journal/segment-names.ts'
import { segmentParts } from '../journal/segment-parts.ts'
import { SegmentReader } from '../journal/segment-reader.ts'
import { salvageLetters } from './damaged-letters.ts'
import type { Spool } from './spool.ts'

/** What a turn reads, about: they come once a minute, and the disk has other things to do. */
const TURN_BYTES = 8_388_608

/**
 * Looks for damage among the dead letters, a part of them at each turn, again and again. Every other room is read by somebody
 * who needs what is there; a letter may lie for weeks, and go with its segment, without anybody having heard that it was lost.
 */
export class DeadCheck {
  readonly #spool: Spool
  #next: { path: string; offset?: number } | undefined

  constructor(spool: Spool) {
    this.#spool = spool
  }

  /**
   * In the inbox's owner only.
   *
   * @throws DroprError DISK_*
   */
  async turn(): Promise<void> {
    try {
      const paths = await this.#paths()
      const begin = Math.max(0, paths.indexOf(this.#next?.path ?? ''))
      let left = TURN_BYTES
      for (const path of paths.slice(begin)) {
        const from = path === this.#next?.path ? this.#next.offset : undefined
        this.#next = { path }
        left = await this.#check(path, from, left)
        if (left <= 0) return
      }
      this.#next = undefined
    } catch (error) {
      throw diskError(error, `look for damage among the dead letters of ${this.#spool.path}`)
    }
  }

  async #paths(): Promise<string[]> {
    const { files } = this.#spool.system
    const paths: string[] = []
    for (const channel of await this.#spool.deadChannels())
      for (const { path } of await listSegments(files, this.#spool.dead(channel))) paths.push(path)
    return paths
  }

  /** How many bytes may still be read. */
  async #check(path: string, from: number | undefined, bytesMax: number): Promise<number> {
    const reader = await SegmentReader.open(this.#spool.system.files, path)
    if (reader === undefined) return bytesMax
    const salvage = salvageLetters(this.#spool)
    let left = bytesMax
    try {
      for await (const part of segmentParts(reader, from)) {
        if (part.kind === 'end') break
        if (part.kind === 'damage') await salvage(reader, part.from, part.to)
        left -= part.kind === 'frame' ? part.frame.end - part.frame.offset : part.to - part.from
        this.#next = { path, offset: part.kind === 'frame' ? part.frame.end : part.to }
        if (left <= 0) break
      }
    } finally {
      await reader.close()
    }
    return left
  }
}
