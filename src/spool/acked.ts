import { DroprError, diskError } from '../errors.ts'
import { decodeNote, entryBytes, MARK } from '../journal/entry.ts'
import type { Ids } from '../journal/ids.ts'
import { JournalWriter } from '../journal/journal-writer.ts'
import { listSegments } from '../journal/segment-names.ts'
import { segmentParts } from '../journal/segment-parts.ts'
import { SegmentReader } from '../journal/segment-reader.ts'
import { decodeAcked, encodeAcked, type StreamChange, type StreamState } from './acked-state.ts'
import { AckedStreams } from './acked-streams.ts'
import { salvageMarks } from './damaged-marks.ts'
import type { StreamLedger } from './retention.ts'
import type { Spool } from './spool.ts'

/** Small, so that a start reads little; restated into one when there are more. */
const SEGMENT_BYTES_MAX = 4_194_304
const SEGMENTS_MAX = 4
const ROWS_PER_MARK = 1_000
/** What a mark may have removed: a segment of the outbox, nothing else. */
const REMOVABLE = /^outbox(?:\/[a-z0-9_~%-][a-z0-9_~%.-]*){3}\/[a-z0-9]+-[0-9]+\.seg$/

type Waiter = { resolve: () => void; reject: (error: unknown) => void }

export interface AckedOptions {
  spool: Spool
  writer: string
  ids: Ids
}

/**
 * How far each stream has arrived at its peer: the client's journal `acked/`, folded.
 *
 * One process at a time has it open (the client's lock sees to that). All that is told while a mark is being written goes into
 * the next one. Nothing in here is relied upon before it is synced; what is lost with a crash the peer tells again.
 */
export class Acked implements StreamLedger {
  readonly #spool: Spool
  readonly #journal: JournalWriter
  readonly #states = new AckedStreams()
  #waiting = new Map<string, StreamChange>()
  #waiters: Waiter[] = []
  #running: Promise<void> | undefined
  /** Numbers of the segment written last, and of the first that still counts. */
  #n = 0
  #firstN = 0
  #restateDue = false

  private constructor(options: AckedOptions) {
    const { spool, writer, ids } = options
    this.#spool = spool
    const { system, folders, id, limits } = spool
    const onCommit = ({ n }: { n: number }) => {
      this.#n = n
    }
    const small = { ...limits, segmentBytesMax: Math.min(limits.segmentBytesMax, SEGMENT_BYTES_MAX) }
    this.#journal = new JournalWriter({
      system,
      folders,
      folder: spool.acked,
      writer,
      spool: id,
      limits: small,
      ids,
      onCommit
    })
  }

  /**
   * Reads what is known, states it again in a segment of its own, synced, and removes the older ones. When the disk takes
   * nothing now, the older ones stay and it is tried again with the next mark.
   *
   * @throws DroprError DISK_* when the journal cannot be read.
   */
  static async load(options: AckedOptions): Promise<Acked> {
    const acked = new Acked(options)
    const { spool } = options
    try {
      for (const { path } of await listSegments(spool.system.files, spool.acked)) await acked.#fold(path)
    } catch (error) {
      throw diskError(error, `read ${spool.acked}`)
    }
    acked.#restateDue = true
    await acked.#finishRemovals().catch((error: unknown) => acked.#warn(error))
    await acked.#restate().catch((error: unknown) => acked.#warn(error))
    return acked
  }

  get(stream: string): Readonly<StreamState> | undefined {
    return this.#states.get(stream)
  }

  /** How far a stream has arrived; 0 for one never heard of. */
  next(stream: string): number {
    return this.#states.get(stream)?.next ?? 0
  }

  /** Every stream that still counts. */
  streams(): ReadonlyMap<string, Readonly<StreamState>> {
    return this.#states.all
  }

  /**
   * Marks what became known; durable, and to be seen in `get`, when resolved.
   *
   * @throws DroprError DISK_*: nothing is known to have been marked; tell it again.
   */
  record(changes: readonly StreamChange[]): Promise<void> {
    if (changes.length === 0) return Promise.resolve()
    return new Promise((resolve, reject) => {
      for (const change of changes) this.#waiting.set(change.stream, { ...this.#waiting.get(change.stream), ...change })
      this.#waiters.push({ resolve, reject })
      this.#running ??= this.#run()
    })
  }

  doneAt(stream: string): number | undefined {
    return this.#states.get(stream)?.endedAt
  }

  /** These streams have arrived to their end. */
  done(streams: readonly { stream: string; ended: number }[]): Promise<void> {
    return this.record(streams)
  }

  removing(streams: readonly { stream: string; ended: number; path: string }[]): Promise<void> {
    return this.record(streams.map(({ stream, ended, path }) => ({ stream, ended, removing: path })))
  }

  /** The stream's file is gone, durably: the peer is to be told. Known again after a restart, since `removing` names the file. */
  removed(stream: string): void {
    const state = this.#states.get(stream)
    if (state !== undefined) this.#states.put(stream, { ...state, gone: true })
  }

  /** Streams to a peer that are gone, which it has not written down yet. */
  goneTo(peer: string): ReadonlySet<string> {
    return this.#states.goneTo(peer)
  }

  /** Their peer has written down that they are gone: nothing of them counts any more. */
  told(streams: readonly string[]): Promise<void> {
    return this.record(streams.map(stream => ({ stream, told: true })))
  }

  async close(): Promise<void> {
    await this.#running
    await this.#journal.close()
  }

  async #run(): Promise<void> {
    // Those who call in the same turn share the first mark too.
    await Promise.resolve()
    while (this.#waiters.length > 0) {
      const waiters = this.#waiters
      const changes = [...this.#waiting.values()].map(change => this.#dated(change))
      this.#waiters = []
      this.#waiting = new Map()
      try {
        await this.#journal.appendMark(encodeAcked(changes))
        this.#states.apply(changes)
        for (const { resolve } of waiters) resolve()
      } catch (error) {
        for (const { reject } of waiters) reject(error)
        continue
      }
      if (this.#n - this.#firstN >= SEGMENTS_MAX) this.#restateDue = true
      if (this.#restateDue) await this.#restate().catch((error: unknown) => this.#warn(error))
    }
    this.#running = undefined
  }

  #dated(change: StreamChange): StreamChange {
    if (change.ended === undefined || this.#states.get(change.stream)?.ended !== undefined) return change
    return { ...change, endedAt: this.#spool.system.clock.now() }
  }

  /** States everything that counts again, then removes the segments before. */
  async #restate(): Promise<void> {
    const { system, acked } = this.#spool
    const live = [...this.#states.all].map(([stream, state]) => ({ stream, ...state })) as StreamChange[]
    let first: number | undefined
    for (let at = 0; at < live.length; at += ROWS_PER_MARK) {
      await this.#journal.appendMark(encodeAcked(live.slice(at, at + ROWS_PER_MARK)))
      first ??= this.#n
    }
    // With nothing to state, all but what is being written now is done.
    const keep = first ?? (this.#n === 0 ? Number.POSITIVE_INFINITY : this.#n)
    for (const { path, n } of await listSegments(system.files, acked)) if (n < keep) await system.files.remove(path)
    this.#firstN = first ?? this.#n
    this.#restateDue = false
  }

  /** Removals that were marked and may not have happened. */
  async #finishRemovals(): Promise<void> {
    const { path } = this.#spool
    for (const [stream, state] of this.#states.all) {
      if (state.removing === undefined || state.gone === true || !REMOVABLE.test(state.removing)) continue
      if (await this.#removeIfDone(`${path}/${state.removing}`, stream, state.ended ?? 0)) this.removed(stream)
      else this.#states.put(stream, { ...state, ended: undefined, endedAt: undefined, removing: undefined })
    }
  }

  /** False for a stream that goes on after all. A file that bears the name by now but is another stream stays. */
  async #removeIfDone(path: string, stream: string, ended: number): Promise<boolean> {
    const { files } = this.#spool.system
    const reader = await SegmentReader.open(files, path)
    if (reader === undefined) return true
    let count = 0
    try {
      if (reader.head.stream !== stream) return true
      for await (const part of segmentParts(reader))
        if (part.kind === 'frame') count = part.frame.first + part.frame.count
    } finally {
      await reader.close()
    }
    if (count > ended) return false
    await files.remove(path)
    await files.syncFolder(path.slice(0, path.lastIndexOf('/')))
    return true
  }

  async #fold(path: string): Promise<void> {
    const reader = await SegmentReader.open(this.#spool.system.files, path)
    if (reader === undefined) return
    try {
      for await (const part of segmentParts(reader)) {
        if (part.kind === 'frame') this.#states.apply(changesIn(part.frame.payload))
        else if (part.kind === 'damage') {
          // What is lost here the peers tell again.
          for (const payload of await salvageMarks(this.#spool, reader, { ...part, why: 'marks were damaged' }))
            this.#states.apply(changesIn(payload))
        }
      }
    } finally {
      await reader.close()
    }
  }

  #warn(error: unknown): void {
    const code = error instanceof DroprError ? error.code : undefined
    this.#spool.system.log.warn({ code, error: String(error) }, 'acked/ could not be restated: tried again later')
  }
}

function changesIn(payload: Buffer): StreamChange[] {
  const changes: StreamChange[] = []
  for (let at = 0; at < payload.length; at += entryBytes(payload, at))
    if (payload[at + 8] === MARK) changes.push(...decodeAcked(decodeNote(payload, at)))
  return changes
}
