import { entryBytes } from '../journal/entry.ts'
import { Lane } from '../spool/lane.ts'
import { OpenFiles } from '../spool/open-files.ts'
import type { Spool } from '../spool/spool.ts'
import type { StreamReader } from '../spool/stream-reader.ts'
import { isWriterAlive } from '../spool/writer-life.ts'
import type { Added, Buckets } from './buckets.ts'
import type { HeldBlobs } from './held-blobs.ts'
import type { Marks } from './marks.ts'

/** What is taken from one stream in a turn, and over all: a turn must not keep others waiting long. */
const STREAM_BYTES = 262_144
const TURN_BYTES = 1_048_576
const OPEN_FILES_MAX = 64

/** Takes what processes put into schedule/in over into the buckets: copy, sync, then mark how far the intake is. */
export class IntakeReader {
  readonly #spool: Spool
  readonly #lane: Lane
  readonly #marks: Marks
  readonly #buckets: Buckets
  readonly #blobs: HeldBlobs
  readonly #openFiles = new OpenFiles(OPEN_FILES_MAX)
  #turn = 0

  constructor(options: { spool: Spool; folder: string; marks: Marks; buckets: Buckets; blobs: HeldBlobs }) {
    const { spool, folder, marks } = options
    this.#spool = spool
    this.#marks = marks
    this.#buckets = options.buckets
    this.#blobs = options.blobs
    const next = (stream: string) => marks.next(stream)
    this.#lane = new Lane({ spool, folder, channel: 'common', priority: 4, openFiles: this.#openFiles, next })
  }

  /** Looks for new segments. `thorough`: also for the ends of those whose writers died. */
  async look(thorough: boolean): Promise<void> {
    if (!thorough) return this.#lane.scan()
    const alive = new Map<string, Promise<boolean>>()
    await this.#lane.scan(writer => {
      const known = alive.get(writer) ?? isWriterAlive(this.#spool, writer)
      alive.set(writer, known)
      return known
    })
  }

  /** Takes over about a megabyte. Returns what came; undefined when there was nothing to take. */
  async drain(): Promise<Added[] | undefined> {
    let streams: StreamReader[] = []
    for (;;) {
      const before = new Set(streams)
      streams = this.#lane.ready()
      // The end of one may just have been seen, behind which others wait.
      if (streams.every(stream => before.has(stream))) return undefined
      const added = await this.#take(streams)
      if (added !== undefined) return added
    }
  }

  /** After a drain: what somebody sent may lie behind what cannot be read yet. */
  get heldUp(): boolean {
    return this.#lane.heldUp
  }

  /** Removes intake segments of which everything is in buckets, after the large bodies beside them that nobody needs any more. */
  async tidy(): Promise<void> {
    await this.#blobs.cleanIntake()
    for (const stream of this.#lane.finished) {
      if (await stream.grew()) continue
      await this.#blobs.removeWith(stream)
      await this.#lane.remove(stream)
    }
  }

  /** The streams whose progress still counts: all others are gone, also after a power cut. */
  async streams(): Promise<ReadonlySet<string>> {
    await this.#spool.system.files.syncFolder(this.#lane.folder)
    return new Set([...this.#lane.open, ...this.#lane.finished].map(({ stream }) => stream))
  }

  close(): Promise<void> {
    return this.#lane.close()
  }

  async #take(streams: readonly StreamReader[]): Promise<Added[] | undefined> {
    const next = new Map<string, number>()
    const now = this.#spool.system.clock.now()
    let bytes = 0
    for (let i = 0; i < streams.length && bytes < TURN_BYTES; i++) {
      const stream = streams[this.#turn++ % streams.length]!
      const from = next.get(stream.stream) ?? this.#marks.next(stream.stream)
      const range = await stream.read(from, STREAM_BYTES)
      if (range === undefined) continue
      // What expired is passed on all the same: whoever delivers it says so.
      if (range.entries !== undefined) {
        await this.#blobs.take(stream.writer, range.entries).catch((error: unknown) => {
          this.#buckets.drop()
          throw error
        })
        this.#add(range.entries, now)
      }
      bytes += range.entries?.length ?? 0
      next.set(stream.stream, range.to)
    }
    if (next.size === 0) return undefined
    const added = await this.#buckets.commit()
    try {
      await this.#marks.setNext(next)
    } catch (error) {
      this.#marks.takeBack(added)
      throw error
    }
    return added
  }

  #add(entries: Buffer, now: number): void {
    for (let at = 0; at < entries.length; at += entryBytes(entries, at)) {
      this.#buckets.addMessage(entries.subarray(at, at + entryBytes(entries, at)), now)
    }
  }
}
