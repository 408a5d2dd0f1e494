import { diskError } from '../errors.ts'
import { PRIORITY } from '../message.ts'
import { encodeChannel } from '../names.ts'
import { type Cancelled, readCancelled } from './cancelled.ts'
import { Lane } from './lane.ts'
import { OpenFiles } from './open-files.ts'
import type { OutboxHint } from './outbox-writer.ts'
import { foldersIn, type Spool } from './spool.ts'
import type { StreamReader } from './stream-reader.ts'
import { isWriterAlive } from './writer-life.ts'

/** Folders looked into at once: the disk has few threads. */
const LOOKS_AT_ONCE = 8

/**
 * What there is for one peer: the streams below `outbox/<peer>`, and which of them may be sent now.
 *
 * A hint looks only where it points; without one, everything is looked at: new segments, dead writers.
 */
export class OutboxStreams {
  readonly peer: string
  readonly #spool: Spool
  readonly #openFiles: OpenFiles
  readonly #next: (stream: string) => number
  #cancelled: Cancelled | undefined
  /** By folder. */
  readonly #lanes = new Map<string, Lane>()
  /** The same, sorted; made anew when there is another. */
  #byPriority: Lane[] | undefined
  #refreshing: Promise<void> | undefined

  /**
   * @param options.next How far a stream has arrived, as far as is known; 0 for one never heard of. Must rise only.
   * @param options.openFiles To be shared by all that read in this process.
   */
  constructor(options: { spool: Spool; peer: string; next: (stream: string) => number; openFiles?: OpenFiles }) {
    this.#spool = options.spool
    this.peer = options.peer
    this.#next = options.next
    this.#openFiles = options.openFiles ?? new OpenFiles(options.spool.limits.filesOpenMax)
  }

  /**
   * Looks at the disk. One look serves all who ask for a full one while it runs.
   *
   * @throws DroprError DISK_*: what could be looked at has been.
   */
  refresh(hint?: Pick<OutboxHint, 'channel' | 'priority'> & Partial<OutboxHint>): Promise<void> {
    if (hint === undefined) {
      this.#refreshing ??= this.#refreshAll().finally(() => {
        this.#refreshing = undefined
      })
      return this.#refreshing
    }
    const lane = this.#lane(hint.channel, hint.priority)
    const stream = hint.path === undefined ? undefined : lane.find(hint.path)
    if (stream === undefined) return lane.scan().catch(error => this.#fail(error))
    stream.written(hint.end ?? 0)
    return Promise.resolve()
  }

  /** The streams that may be read and sent now, higher priority first, older first. */
  ready(at?: { channel: string; priority: number }): StreamReader[] {
    if (at !== undefined) return this.#lane(at.channel, at.priority).ready()
    this.#byPriority ??= [...this.#lanes.values()].sort((a, b) => b.priority - a.priority)
    const ready: StreamReader[] = []
    for (const lane of this.#byPriority) ready.push(...lane.ready())
    return ready
  }

  /** All that have not arrived to their end, those that must wait for others too. */
  open(): StreamReader[] {
    return [...this.#lanes.values()].flatMap(lane => lane.open)
  }

  /** Those that have arrived to their end and whose files are still there. */
  finished(): StreamReader[] {
    return [...this.#lanes.values()].flatMap(lane => lane.finished)
  }

  /** All whose files are there. Undefined when a folder or a file could not be read, so that there may be more. */
  known(): Set<string> | undefined {
    const lanes = [...this.#lanes.values()]
    if (lanes.some(({ whole }) => !whole)) return undefined
    return new Set(lanes.flatMap(({ open, finished }) => [...open, ...finished].map(({ stream }) => stream)))
  }

  /** The folders that were looked into. */
  folders(): string[] {
    return [...this.#lanes.keys()]
  }

  /** Removes the file of a finished stream, durably. False when the stream turned out to go on. */
  async remove(stream: StreamReader): Promise<boolean> {
    try {
      return await this.#lane(stream.channel, stream.priority).remove(stream)
    } catch (error) {
      return this.#fail(error)
    }
  }

  async close(): Promise<void> {
    await this.#refreshing?.catch(() => undefined)
    await Promise.all([...this.#lanes.values()].map(lane => lane.close()))
  }

  async #refreshAll(): Promise<void> {
    const alive = new Map<string, Promise<boolean>>()
    const isAlive = (writer: string) => {
      const known = alive.get(writer) ?? isWriterAlive(this.#spool, writer)
      alive.set(writer, known)
      return known
    }
    const outbox = this.#spool.outboxOf(this.peer)
    let failed: unknown
    const { system } = this.#spool
    this.#cancelled = await readCancelled(system.files, this.#spool.path, this.peer)
    const channels = await this.#spool.channelsIn(outbox)
    await eachOf(channels, async channel => {
      for (const name of await foldersIn(system.files, `${outbox}/${encodeChannel(channel)}`)) {
        const priority = Number(name)
        if (String(priority) !== name || priority < PRIORITY.min || priority > PRIORITY.max) continue
        // One bad folder stays one bad folder (P7).
        await this.#lane(channel, priority)
          .scan(isAlive)
          .catch((error: unknown) => {
            failed ??= error
          })
      }
    })
    if (failed !== undefined) this.#fail(failed)
  }

  #lane(channel: string, priority: number): Lane {
    const folder = this.#spool.outbox(this.peer, channel, priority)
    let lane = this.#lanes.get(folder)
    if (lane === undefined) {
      lane = new Lane({
        spool: this.#spool,
        openFiles: this.#openFiles,
        next: this.#next,
        cancelled: stream => this.#cancelledIn(stream),
        folder,
        channel,
        priority
      })
      this.#lanes.set(folder, lane)
      this.#byPriority = undefined
    }
    return lane
  }

  #cancelledIn(stream: string): ((position: number) => boolean) | undefined {
    const cancelled = this.#cancelled
    return cancelled?.knows(stream) ? position => cancelled.has(stream, position) : undefined
  }

  #fail(error: unknown): never {
    throw diskError(error, `look into ${this.#spool.outboxOf(this.peer)}`)
  }
}

async function eachOf<T>(list: readonly T[], act: (one: T) => Promise<void>): Promise<void> {
  let at = 0
  const work = async () => {
    while (at < list.length) await act(list[at++]!)
  }
  await Promise.all(Array.from({ length: LOOKS_AT_ONCE }, work))
}
