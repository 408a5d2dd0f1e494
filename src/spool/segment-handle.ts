import { SegmentReader } from '../journal/segment-reader.ts'
import type { Holder, OpenFiles } from './open-files.ts'
import type { Spool } from './spool.ts'

/** The file of one stream: opened when needed, let go when others need it more, and noticed when it is gone. */
export class SegmentHandle {
  readonly #spool: Spool
  readonly #openFiles: OpenFiles
  readonly #path: string
  readonly #stream: string
  #reader: SegmentReader | undefined
  #gone = false

  constructor(options: { spool: Spool; openFiles: OpenFiles; path: string; stream: string }) {
    this.#spool = options.spool
    this.#openFiles = options.openFiles
    this.#path = options.path
    this.#stream = options.stream
  }

  /** Somebody took the file away, or put another in its place. */
  get gone(): boolean {
    return this.#gone
  }

  /** Undefined when the file is gone. `holder` is asked to let go when too many are open. */
  async open(holder: Holder): Promise<SegmentReader | undefined> {
    if (this.#gone) return undefined
    if (this.#reader === undefined) {
      const reader = await SegmentReader.open(this.#spool.system.files, this.#path)
      if (reader?.head.stream !== this.#stream) {
        this.#gone = true
        await reader?.close()
        const fields = { code: 'SPOOL_DAMAGED', path: this.#path, stream: this.#stream }
        this.#spool.system.log.error(fields, 'a segment is gone')
        return undefined
      }
      this.#reader = reader
    }
    this.#openFiles.used(holder)
    return this.#reader
  }

  async close(holder: Holder): Promise<void> {
    const reader = this.#reader
    this.#reader = undefined
    this.#openFiles.closed(holder)
    await reader?.close()
  }
}
