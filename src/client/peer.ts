import { DroprError } from '../errors.ts'
import type { Acked } from '../spool/acked.ts'
import { Backlog } from '../spool/backlog.ts'
import type { PeerConfig } from '../spool/config.ts'
import type { OpenFiles } from '../spool/open-files.ts'
import { OutboxBlobs } from '../spool/outbox-blobs.ts'
import { OutboxStreams } from '../spool/outbox-streams.ts'
import { removeFinished, type StreamLedger } from '../spool/retention.ts'
import type { DeadRoom } from '../spool/room-dead.ts'
import type { Spool } from '../spool/spool.ts'
import type { StreamReader } from '../spool/stream-reader.ts'
import { BacklogWatch } from './backlog-watch.ts'
import { BlobCarrier } from './blob-carrier.ts'
import type { PeerStatus } from './client-status.ts'
import { retryDelayMs } from './feedback.ts'
import { Ledger } from './ledger.ts'
import type { Where } from './lookout.ts'
import type { ObservedTransport } from './observed-transport.ts'
import { PeerQueue } from './peer-queue.ts'
import { copyRefused } from './refusals.ts'
import { Removals } from './removals.ts'
import { Steps } from './steps.ts'
import type { StreamSource } from './stream-source.ts'
import { Uploader } from './uploader.ts'

/** Of a peer to which nothing goes for a while, one timed look in so many is taken: hundreds of dead ones must cost little. */
const SELDOM = 5

/** Between two records of how far a stream has come: each costs the disk as much as a message, and nobody waits for it. */
const RECORD_REST_MS = 20

export interface PeerOptions {
  spool: Spool
  /** Read at each upload: changing it in place moves what is sent next. */
  peer: PeerConfig
  transport: ObservedTransport
  acked: Acked
  dead: DeadRoom
  openFiles: OpenFiles
  /** Its status differs from what it was. */
  changed: () => void
}

/** One peer and its part of the spool: the outbox folder it is sent from, and where its answers are written down. */
export class Peer {
  readonly queue: PeerQueue
  readonly #options: PeerOptions
  readonly #streams: OutboxStreams
  readonly #blobs: OutboxBlobs
  readonly #steps = new Steps()
  readonly #backlog: BacklogWatch
  readonly #removals: Removals
  readonly #carrier: BlobCarrier
  /** There was a hint since the last timed look of each kind. */
  readonly #hinted = { scan: true, survey: true }

  constructor(options: PeerOptions) {
    const { spool, peer, acked, openFiles, changed } = options
    this.#options = options
    const next = (stream: string) => Math.max(acked.next(stream), this.queue.acked(stream) ?? 0)
    this.#streams = new OutboxStreams({ spool, peer: peer.name, next, openFiles })
    this.#blobs = new OutboxBlobs({ spool, next: stream => acked.next(stream) })
    this.queue = new PeerQueue({
      name: peer.name,
      system: spool.system,
      limits: spool.limits,
      steps: this.#steps,
      find: where => this.#find(where),
      open: (source, its) => this.#open(source, its),
      finished: source => this.#finished(source),
      changed
    })
    this.#carrier = new BlobCarrier({ files: spool.system.files, limits: spool.limits })
    const backlog = new Backlog({ spool, streams: this.#streams, acked: next })
    const { clock, log } = spool.system
    const onFail = (error: unknown) =>
      log.warn({ code: codeOf(error), peer: peer.name, error: String(error) }, 'cannot mark what the peer was told')
    this.#removals = new Removals({ peer: peer.name, gone: acked, onFail })
    this.#backlog = new BacklogWatch({ peer: peer.name, backlog, limits: spool.limits, clock, log })
  }

  status(): PeerStatus {
    const { peer, transport } = this.#options
    const traffic = { ...transport.traffic(peer.name) }
    return { ...this.queue.status(), url: peer.url, backlog: this.#backlog.now, traffic }
  }

  /** Something was written there, it is said. */
  hint(where: Where | undefined): void {
    this.#hinted.scan = true
    this.#hinted.survey = true
    if (where === undefined) void this.queue.look()
    else this.queue.hint(where)
  }

  /** The timed look for streams. @param turn Counts them. */
  async scan(turn: number): Promise<void> {
    if (!this.#skips('scan', turn)) await this.queue.look()
  }

  /** Counts what waits, and raises the alarm when it is too much. */
  async survey(turn: number): Promise<void> {
    if (this.#skips('survey', turn)) return
    const { failures, pausedAt } = this.queue.status()
    if (await this.#backlog.look(failures > 0 || pausedAt !== undefined)) this.#options.changed()
  }

  /** It is somewhere else now, or has another token. What is on its way may end there; the next goes here, at once. */
  move(peer: PeerConfig): void {
    const mine = this.#options.peer
    if (mine.url === peer.url && mine.token === peer.token) return
    mine.url = peer.url
    if (peer.token === undefined) delete mine.token
    else mine.token = peer.token
    this.queue.kick()
    void this.queue.look()
    this.#options.changed()
  }

  /**
   * Removes segments that are done and past their retention. Failing costs nothing but space: tried again.
   * What the peer has but is not on record, with what it refused in the dead letters, stays.
   */
  async clean(): Promise<void> {
    const { spool, acked, peer } = this.#options
    const ledger: StreamLedger = {
      doneAt: stream => acked.doneAt(stream),
      done: streams => acked.done(streams),
      removed: stream => acked.removed(stream),
      removing: async streams => {
        const unsettled = streams.find(({ stream }) => this.queue.acked(stream) !== undefined)
        if (unsettled) throw new DroprError('ABORTED', `not all of stream ${unsettled.stream} is on record yet`)
        await acked.removing(streams)
      }
    }
    try {
      await removeFinished({ spool, streams: this.#streams, blobs: this.#blobs, ledger })
    } catch (error) {
      spool.system.log.warn({ code: codeOf(error), peer: peer.name, error: String(error) }, 'finished segments stay')
    }
  }

  async close(options: { withinMs: number }): Promise<void> {
    await this.queue.close(options)
    await this.#streams.close()
  }

  #skips(look: 'scan' | 'survey', turn: number): boolean {
    const hinted = this.#hinted[look]
    this.#hinted[look] = false
    return !hinted && turn % SELDOM !== 0 && this.queue.restMs > 0
  }

  async #find(where: Where | undefined): Promise<StreamReader[]> {
    try {
      await this.#streams.refresh(where as Parameters<OutboxStreams['refresh']>[0])
    } catch (error) {
      const { spool, peer } = this.#options
      spool.system.log.error(
        { code: codeOf(error), peer: peer.name, error: String(error) },
        'cannot look into the outbox'
      )
    }
    return this.#streams.ready(where)
  }

  #open(source: StreamSource, its: { changed: () => void; signal: AbortSignal }): Uploader {
    const { spool, peer, transport, acked, dead } = this.#options
    const { system, limits, node, id: origin } = spool
    const { stream } = source
    const refusedFrom = { system, source, room: dead, peer: peer.name, origin, node }
    const ledger = new Ledger(
      {
        copyRefused: refusals => copyRefused(refusedFrom, refusals),
        record: next => acked.record([{ stream, next, settled: next }]),
        wait: failed => system.clock.sleep(retryDelayMs({ failed, chance: system.random.next() }, limits), its.signal),
        rest: signal => system.clock.sleep(RECORD_REST_MS, signal),
        changed: its.changed
      },
      acked.get(stream)?.settled ?? 0
    )
    return new Uploader({
      source,
      ledger,
      peer,
      origin,
      node,
      transport,
      removals: this.#removals,
      blobs: this.#carrier,
      system,
      limits,
      steps: this.#steps,
      signal: its.signal
    })
  }

  /** Marks since when it is done, for retention. */
  #finished({ stream, ended = 0 }: StreamSource): void {
    const { acked, spool } = this.#options
    acked.done([{ stream, ended }]).catch((error: unknown) => {
      spool.system.log.warn({ code: codeOf(error), stream, error: String(error) }, 'cannot mark a finished stream')
    })
  }
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | undefined)?.code
}
