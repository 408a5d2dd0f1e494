import { setMaxListeners } from 'node:events'
import { diskError } from '../errors.ts'
import { entryBytes } from '../journal/entry.ts'
import { OutboxBlobs } from '../spool/outbox-blobs.ts'
import { OutboxStreams } from '../spool/outbox-streams.ts'
import type { Range } from '../spool/range.ts'
import { removeFinished, type StreamLedger } from '../spool/retention.ts'
import { SpaceWatch } from '../spool/space-watch.ts'
import type { Spool } from '../spool/spool.ts'
import type { StreamReader } from '../spool/stream-reader.ts'
import { Bell } from '../system/bell.ts'
import type { Watcher } from '../system/watch.ts'
import type { ArrivingRange } from './arriving.ts'
import { pullBlob } from './blob-pull.ts'
import { inboxLedger } from './inbox-ledger.ts'
import { hintOf, type PullHint } from './pull-hint.ts'
import { PullHints } from './pull-hints.ts'
import { goneHere } from './removed-streams.ts'
import type { StreamState } from './stream-state.ts'

/** After a failed read or write, and between two lookings for what may be removed. */
const AGAIN_MS = 1_000
const TIDY_MS = 60_000
/** When the disk is full. */
const TIDY_SOON_MS = 5_000
/** Of what is kept free. */
const SPACE_PART = 0.5

export interface PullInto {
  stream(id: string): StreamState | undefined
  /** How far a stream is there, durably: its file may go then. */
  next: (id: string) => number
  appendRange(range: ArrivingRange): Promise<number>
  streams(): Iterable<StreamState>
  removed(streams: readonly string[], node: string): Promise<unknown>
}

/**
 * Brings what this node sends to itself into its inbox: a peer with a shorter wire.
 *
 * Looks when poked, when the file watcher says something, and on a timer; any two of them may be broken.
 */
export class LocalPuller {
  readonly #spool: Spool
  readonly #inbox: PullInto
  readonly #streams: OutboxStreams
  readonly #blobs: OutboxBlobs
  readonly #stop = new AbortController()
  readonly #pumping = new Map<string, Promise<void>>()
  readonly #hints = new PullHints()
  /** Streams that were looked at again while they were being brought over: what came may be behind what was read. */
  readonly #again = new Set<string>()
  readonly #bell: Bell
  #watcher: Watcher | undefined
  #running: Promise<void>
  #tidiedAt: number
  readonly #tidyMore: () => Promise<unknown>
  /** Resolves when every stream that was there at the start has brought something over, or could not. */
  readonly first: Promise<void>
  #firstDone: () => void = () => undefined
  #looked = false
  #ledger: StreamLedger
  readonly #space: SpaceWatch

  /** @param options.tidy Called now and then. */
  constructor(options: { spool: Spool; inbox: PullInto; tidy?: () => Promise<unknown> }) {
    const { spool, inbox, tidy = () => Promise.resolve() } = options
    // One listener for each stream that waits after a failure: many are no leak.
    setMaxListeners(0, this.#stop.signal)
    this.#tidyMore = tidy
    this.#spool = spool
    this.#inbox = inbox
    const { next } = inbox
    this.#streams = new OutboxStreams({ spool, peer: spool.node, next })
    this.#blobs = new OutboxBlobs({ spool, next })
    this.#bell = new Bell(spool.system.clock)
    this.#tidiedAt = spool.system.clock.ticks()
    this.#ledger = inboxLedger(spool)
    this.#space = new SpaceWatch(spool)
    this.first = new Promise(resolve => {
      this.#firstDone = resolve
    })
    this.#running = this.#run().finally(() => this.#firstDone())
  }

  /** There is something, perhaps there: without a hint, anywhere. */
  poke(hint?: PullHint): void {
    this.#hints.add(hint)
    this.#bell.ring()
  }

  async close(): Promise<void> {
    this.#stop.abort()
    this.#bell.close()
    await this.#watcher?.close()
    await this.#running
    await Promise.all(this.#pumping.values())
    await this.#streams.close()
  }

  async #run(): Promise<void> {
    const { system, limits, node } = this.#spool
    const { log } = system
    const folder = this.#spool.outboxOf(node)
    while (!this.#stop.signal.aborted) {
      let waitMs: number = limits.scanMs
      let failed = false
      try {
        await this.#watch(folder)
        await this.#look()
        await this.#tidy()
      } catch (error) {
        const { code, message } = diskError(error, `read ${folder}`)
        log.error({ code, folder }, message)
        this.#hints.add()
        failed = true
        waitMs = Math.max(waitMs, AGAIN_MS)
      }
      if (failed) this.#firstDone()
      if (!failed && this.#hints.any) continue
      if (this.#stop.signal.aborted) return
      if (!(await this.#bell.wait(waitMs))) this.#hints.add()
    }
  }

  async #watch(folder: string): Promise<void> {
    if (this.#watcher !== undefined) return
    await this.#spool.folders.ensure(folder)
    if (!this.#stop.signal.aborted)
      this.#watcher = this.#spool.system.watch.folder(folder, path => this.poke(hintOf(folder, path)))
  }

  async #look(): Promise<void> {
    for (const hint of this.#hints.take()) await this.#streams.refresh(hint)
    const firsts = Promise.all(this.#pumpReady())
    // Only of the first look: a second one finds nothing new while what that one found is still being brought over.
    if (!this.#looked) void firsts.then(() => this.#firstDone())
    this.#looked = true
  }

  /** Each resolves when its stream has brought something over, or has nothing. */
  #pumpReady(): Promise<void>[] {
    const firsts: Promise<void>[] = []
    for (const stream of this.#streams.ready()) {
      if (this.#pumping.has(stream.stream)) {
        this.#again.add(stream.stream)
        continue
      }
      let first: () => void = () => undefined
      firsts.push(
        new Promise(resolve => {
          first = resolve
        })
      )
      this.#again.delete(stream.stream)
      const pumping = this.#pump(stream, first).then(more => {
        this.#pumping.delete(stream.stream)
        first()
        const { channel, priority, path } = stream
        // Its end may be what another waited for.
        if (more) this.poke({ channel, priority })
        else if (this.#again.delete(stream.stream)) this.poke({ channel, priority, path })
      })
      this.#pumping.set(stream.stream, pumping)
    }
    return firsts
  }

  /** Brings over what a stream has now, several ranges at once. True when the stream came to its end. */
  async #pump(stream: StreamReader, first: () => void): Promise<boolean> {
    const { limits, system } = this.#spool
    const under = new Set<Promise<unknown>>()
    let failed: unknown
    try {
      let from = this.#inbox.stream(stream.stream)?.pending ?? 0
      const before = from
      while (failed === undefined && !this.#stop.signal.aborted) {
        const range = await stream.read(from, limits.rangeBytesMax)
        if (range === undefined) {
          await Promise.all(under)
          if (failed === undefined && this.#again.delete(stream.stream)) continue
          break
        }
        // A message needs its place twice until its outbox segment goes: what is kept free is for that too, as far as half of it.
        this.#space.check('entries' in range && range.entries !== undefined ? range.entries.length : 0, SPACE_PART)
        const arriving = 'blob' in range ? await pullBlob(this.#spool, stream, range) : range
        const appending = this.#inbox.appendRange(this.#arriving(stream, arriving)).catch((error: unknown) => {
          failed ??= error
        })
        under.add(appending)
        void appending.then(() => {
          under.delete(appending)
          first()
        })
        from = range.to
        if (under.size >= limits.rangesPerStreamMax) await Promise.race(under)
      }
      await Promise.all(under)
      if (failed !== undefined) throw diskError(failed, `bring over ${stream.path}`)
      return from > before && stream.ended === from
    } catch (error) {
      await Promise.all(under)
      const { code, message } = diskError(error, `bring over ${stream.path}`)
      if (code !== 'CLOSED') system.log.error({ code, path: stream.path }, message)
      if (code === 'DISK_FULL') this.#tidiedAt = Math.min(this.#tidiedAt, system.clock.ticks() - TIDY_MS + TIDY_SOON_MS)
      first()
      await system.clock.sleep(AGAIN_MS, this.#stop.signal)
      return !this.#stop.signal.aborted
    }
  }

  #arriving(stream: StreamReader, range: Range): ArrivingRange {
    const { from, to, skip } = range
    const { channel, priority } = stream
    const place = { origin: this.#spool.id, node: this.#spool.node, stream: stream.stream, channel, priority, from, to }
    if (skip !== undefined) return { ...place, entries: Buffer.alloc(0), offsets: new Uint32Array(1), skip }
    const { entries, count } = range
    const offsets = new Uint32Array(count + 1)
    for (let i = 0, at = 0; i < count; i++) {
      at += entryBytes(entries, at)
      offsets[i + 1] = at
    }
    return { ...place, entries, offsets }
  }

  async #tidy(): Promise<void> {
    const ticks = this.#spool.system.clock.ticks()
    if (ticks < this.#tidiedAt + TIDY_MS) return
    this.#tidiedAt = ticks
    await this.#tidyMore()
    await removeFinished({ spool: this.#spool, streams: this.#streams, blobs: this.#blobs, ledger: this.#ledger })
    await this.#noteGone()
  }

  /** The inbox may forget, days later, the streams whose files are gone. Nothing need be noted: what is missing says it. */
  async #noteGone(): Promise<void> {
    const { id: origin, node } = this.#spool
    await this.#streams.refresh()
    const known = this.#streams.known()
    if (known === undefined) return
    const gone = goneHere(this.#inbox.streams(), { origin, node, known })
    if (gone.length > 0) await this.#inbox.removed(gone, node)
  }
}
