import { diskError } from '../errors.ts'
import { listSegments } from '../journal/segment-names.ts'
import type { OpenFiles } from './open-files.ts'
import type { Spool } from './spool.ts'
import { StreamReader, type StreamReaderOptions } from './stream-reader.ts'
import { Turns } from './turns.ts'

/** A segment that cannot be opened may be one that others must come after; longer than this it holds up nobody (P7). */
const UNREAD_MS_MAX = 10_000

export interface LaneOptions {
  spool: Spool
  folder: string
  channel: string
  priority: number
  openFiles: OpenFiles
  /** Whether a position of a stream must not be sent, if any must not. */
  cancelled?: NonNullable<StreamReaderOptions['cancelled']>
  /** How far this stream has arrived, as far as is known: 0 for one never heard of. */
  next: (stream: string) => number
}

/** The streams of one destination, channel and priority: a folder of the outbox, and which of its segments may be sent. */
export class Lane {
  readonly folder: string
  readonly channel: string
  readonly priority: number
  /** The last look told of every file there. */
  whole = false
  readonly #options: LaneOptions
  /** By path. */
  readonly #known = new Map<string, StreamReader>()
  /** Not arrived to their end, by number, then writer. */
  #open: StreamReader[] = []
  #finished: StreamReader[] = []
  readonly #started = new Set<StreamReader>()
  /** Without a whole head, and of a dead writer: nothing in them was ever acknowledged, or nobody can read it. */
  readonly #void = new Set<string>()
  /** Those that could not be opened, by path, and since when, in ticks. */
  readonly #unread = new Map<string, { n: number; since: number }>()
  readonly #turns = new Turns()

  constructor(options: LaneOptions) {
    this.#options = options
    this.folder = options.folder
    this.channel = options.channel
    this.priority = options.priority
  }

  find(path: string): StreamReader | undefined {
    return this.#known.get(path)
  }

  /** All streams that have not arrived to their end. */
  get open(): readonly StreamReader[] {
    this.#settle()
    return this.#open
  }

  get finished(): readonly StreamReader[] {
    this.#settle()
    return this.#finished
  }

  /** At the end of what can be read now there is something that cannot, and there may be more behind it. */
  get heldUp(): boolean {
    return this.open.some(({ heldUp }) => heldUp)
  }

  /**
   * Those that may be sent now (P6): whose writer has no earlier segment here that is still to arrive, and before whose number
   * no sealed one is (that one's process had closed when this one began). What was once started goes on.
   */
  ready(): StreamReader[] {
    const { open } = this
    const unread = this.#firstUnread()
    if (open.length < 2 && unread === Number.POSITIVE_INFINITY) {
      for (const stream of open) this.#started.add(stream)
      return [...open]
    }
    const ready: StreamReader[] = []
    const writers = new Set<string>()
    let sealed = unread
    for (const stream of open) {
      if (this.#started.has(stream) || (!writers.has(stream.writer) && sealed >= stream.n)) {
        this.#started.add(stream)
        ready.push(stream)
      }
      writers.add(stream.writer)
      if (stream.sealed) sealed = Math.min(sealed, stream.n)
    }
    return ready
  }

  /**
   * Looks for new segments, and for what has become final.
   *
   * @param isAlive Given on the timed scan: asks whether the writers of streams that have nothing more still live.
   */
  scan(isAlive?: (writer: string) => Promise<boolean>): Promise<void> {
    return this.#turns.run(async () => {
      await this.#list(isAlive)
      if (isAlive !== undefined) await this.#askForTheDead(isAlive)
    })
  }

  /** Removes the file of a finished stream. False when it turned out to go on. */
  remove(stream: StreamReader): Promise<boolean> {
    return this.#turns.run(async () => {
      const { files } = this.#options.spool.system
      if (await stream.grew()) return false
      await stream.release()
      await files.remove(stream.path)
      this.#forget(stream)
      await files.syncFolder(this.folder)
      return true
    })
  }

  async close(): Promise<void> {
    await this.#turns.idle()
    await Promise.all([...this.#known.values()].map(stream => stream.release()))
  }

  async #list(isAlive: ((writer: string) => Promise<boolean>) | undefined): Promise<void> {
    const { spool } = this.#options
    this.whole = false
    const segments = await listSegments(spool.system.files, this.folder)
    const newest = new Map(segments.map(({ writer, n }) => [writer, n]))
    let added = false
    let failed: unknown
    const held = new Set<string>()
    for (const segment of segments) {
      if (this.#known.has(segment.path) || this.#void.has(segment.path) || held.has(segment.writer)) continue
      const dead = isAlive !== undefined && !(await isAlive(segment.writer))
      try {
        const stream = await StreamReader.open({ ...this.#options, segment })
        if (stream === undefined) {
          if (dead || newest.get(segment.writer) !== segment.n) await this.#setVoid(segment.path)
          continue
        }
        if (dead) stream.setFinal()
        this.#known.set(segment.path, stream)
        this.#addOpen(stream)
        this.#unread.delete(segment.path)
        added = true
      } catch (error) {
        const since = this.#unread.get(segment.path)?.since ?? spool.system.clock.ticks()
        this.#unread.set(segment.path, { n: segment.n, since })
        // Its writer's later ones must wait for it, however long.
        held.add(segment.writer)
        failed ??= error
      }
    }
    // Whoever made the new one may have begun after another had closed: look before it is started.
    if (added) for (const stream of this.#open) await stream.lookForSeal()
    const there = new Set(segments.map(({ path }) => path))
    for (const path of this.#unread.keys()) if (!there.has(path) || this.#void.has(path)) this.#unread.delete(path)
    for (const stream of this.#known.values()) {
      if (newest.get(stream.writer) !== stream.n) stream.setFinal()
      if (!there.has(stream.path)) await this.#missing(stream)
    }
    if (failed !== undefined) throw diskError(failed, `look into ${this.folder}`)
    this.whole = true
  }

  async #askForTheDead(isAlive: (writer: string) => Promise<boolean>): Promise<void> {
    for (const stream of this.#open) {
      if (!stream.idle || stream.ended !== undefined) continue
      if (!stream.final && !(await isAlive(stream.writer))) stream.setFinal()
      if (stream.final) await stream.look()
    }
  }

  /** A file that somebody took away: the reader finds out what is lost with it. */
  async #missing(stream: StreamReader): Promise<void> {
    if (this.#finished.includes(stream)) {
      await stream.release()
      this.#forget(stream)
    } else await stream.release().then(() => stream.look())
  }

  async #setVoid(path: string): Promise<void> {
    this.#void.add(path)
    const { spool } = this.#options
    const found = await spool.system.files.stat(path)
    if (found === undefined || found.bytes === 0) return
    spool.system.log.error({ code: 'SPOOL_DAMAGED', path, bytes: found.bytes }, 'a segment without a whole head')
  }

  #addOpen(stream: StreamReader): void {
    this.#open.push(stream)
    this.#open.sort((a, b) => a.n - b.n || (a.writer < b.writer ? -1 : 1))
  }

  /**
   * Sorts out who has arrived; also back again: the peer may have lost some, or a stream may go on after all. One that ended is
   * not done with before all earlier ones of its writer are: its seal is theirs too.
   */
  #settle(): void {
    const { next } = this.#options
    const hasArrived = ({ ended, stream }: StreamReader) => ended !== undefined && next(stream) >= ended
    const back = this.#finished.filter(stream => !hasArrived(stream))
    if (back.length === 0 && !this.#open.some(hasArrived)) return
    const isBehind = (stream: StreamReader) => back.some(({ writer, n }) => writer === stream.writer && n <= stream.n)
    for (const stream of this.#finished.filter(isBehind)) this.#addOpen(stream)
    this.#finished = this.#finished.filter(stream => !isBehind(stream))
    const waiting = new Set<string>()
    const open: StreamReader[] = []
    for (const stream of this.#open) {
      if (hasArrived(stream) && !waiting.has(stream.writer)) {
        this.#finished.push(stream)
        this.#started.delete(stream)
        // Hundreds of them may stay for a day. What closes badly was only read.
        stream.release(true).catch(() => undefined)
      } else {
        waiting.add(stream.writer)
        open.push(stream)
      }
    }
    this.#open = open
  }

  /** The number of the first segment that could not be opened, of those for which others wait. */
  #firstUnread(): number {
    const now = this.#options.spool.system.clock.ticks()
    let first = Number.POSITIVE_INFINITY
    for (const { n, since } of this.#unread.values()) if (now - since < UNREAD_MS_MAX && n < first) first = n
    return first
  }

  #forget(stream: StreamReader): void {
    this.#known.delete(stream.path)
    this.#started.delete(stream)
    this.#open = this.#open.filter(other => other !== stream)
    this.#finished = this.#finished.filter(other => other !== stream)
  }
}
