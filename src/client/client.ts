import { Ids } from '../journal/ids.ts'
import { Acked } from '../spool/acked.ts'
import type { PeerConfig } from '../spool/config.ts'
import { OpenFiles } from '../spool/open-files.ts'
import { DeadRoom } from '../spool/room-dead.ts'
import type { Spool } from '../spool/spool.ts'
import { WriterLife } from '../spool/writer-life.ts'
import type { Lock } from '../system/lock.ts'
import { Metrics, type MetricsJson } from '../system/metrics.ts'
import type { Watcher } from '../system/watch.ts'
import { watchCommits } from '../system/watched-commits.ts'
import type { Transport } from '../wire/transport.ts'
import { serveLine } from './client-desk.ts'
import { lockSpool } from './client-lock.ts'
import { clientSamples } from './client-metrics.ts'
import { type ClientStatus, progressOf, StatusFile } from './client-status.ts'
import { type Hint, hintOfPath } from './hints.ts'
import { ObservedTransport } from './observed-transport.ts'
import { Pauses } from './pauses.ts'
import { Peer } from './peer.ts'
import { UnknownPeers } from './unknown-peers.ts'

/** Finished segments are looked through so often: seldom, since each costs a look at its file. */
const CLEAN_MS = 60_000

export interface ClientOptions {
  spool: Spool
  config: { peers: ReadonlyMap<string, PeerConfig> }
  /** The caller's to close, after the client. */
  transport: Transport
}

interface Parts {
  lock: Lock
  life: WriterLife
  acked: Acked
  dead: DeadRoom
  pauses: Pauses
}

/**
 * The role that sends: takes what lies in the outbox to the peers, until each has said that it is on its disk.
 *
 * It finds work by its socket (a poke), by file events, and by looking every `scanMs`; any two of them may be broken.
 */
export class Client {
  readonly #options: ClientOptions
  readonly #parts: Parts
  readonly #peers = new Map<string, Peer>()
  readonly #status: StatusFile
  readonly #startedAt: number
  readonly #stop = new AbortController()
  readonly #hints = { pokes: 0, events: 0, scans: 0 }
  readonly #watcher: Watcher
  readonly #transport: ObservedTransport
  readonly #openFiles: OpenFiles
  readonly #metrics: Metrics
  readonly #unwatch: () => void
  readonly #scanning: Promise<unknown>
  readonly #unknown: UnknownPeers
  readonly #pauses: Pauses
  #closing: Promise<void> | undefined

  private constructor(options: ClientOptions, parts: Parts) {
    const { spool, config, transport } = options
    const { clock, files, log, watch } = spool.system
    this.#options = options
    this.#parts = parts
    this.#startedAt = clock.now()
    const path = `${spool.run}/client.json`
    this.#status = new StatusFile({ clock, files, log, path, status: () => this.status() })
    this.#openFiles = new OpenFiles(spool.limits.filesOpenMax)
    this.#metrics = new Metrics({ role: 'client', collect: () => clientSamples(this.status(), clock.now()) })
    this.#unwatch = watchCommits(this.#metrics, spool.path)
    const onAnswer = (ms: number) => this.#metrics.observeMs('dropr_upload_seconds', ms)
    this.#transport = new ObservedTransport({ transport, clock, log, onAnswer })
    this.#unknown = new UnknownPeers(spool)
    this.#pauses = parts.pauses
    this.#pauses.apply = (name, at) => this.#peers.get(name)?.queue.pause(at)
    for (const peer of config.peers.values()) this.#add(peer)
    parts.lock.onConnection = line =>
      serveLine(line, {
        kick: peer => this.kick(peer),
        poke: hint => {
          this.#hints.pokes++
          this.#hint(hint)
          return this.#peers.get(hint.peer)?.queue.restMs ?? 0
        },
        status: () => this.status(),
        metrics: () => this.metrics(),
        paused: () => this.#pauses.look()
      })
    this.#watcher = watch.folder(`${spool.path}/outbox`, changedPath => {
      this.#hints.events++
      this.#hint(hintOfPath(`${spool.path}/outbox`, changedPath))
    })
    this.#scanning = Promise.all([this.#scan(), this.#survey()])
    this.#status.changed()
  }

  /**
   * Starts sending.
   *
   * @throws DroprError DAEMON_RUNNING when another client works on this spool, DISK_* when the spool cannot be read.
   */
  static async start(options: ClientOptions): Promise<Client> {
    const { spool } = options
    const { clock, random } = spool.system
    const lock = await lockSpool(spool)
    let life: WriterLife | undefined
    try {
      life = await WriterLife.begin(spool)
      const ids = new Ids(clock, random)
      const { writer } = life
      const acked = await Acked.load({ spool, writer, ids })
      const pauses = await Pauses.load(spool)
      return new Client(options, { lock, life, acked, dead: new DeadRoom({ spool, writer, ids }), pauses })
    } catch (error) {
      await life?.close()
      await lock.release()
      throw error
    }
  }

  status(): ClientStatus {
    const { spool } = this.#options
    const peers = [...this.#peers.values()].map(peer => peer.status())
    return {
      pid: process.pid,
      node: spool.node,
      startedAt: this.#startedAt,
      at: spool.system.clock.now(),
      hints: { ...this.#hints },
      peers,
      unknownPeers: this.#unknown.names,
      progress: progressOf(peers)
    }
  }

  /** For /metrics, which the server shows for both. */
  metrics(): Promise<MetricsJson> {
    return this.#metrics.json()
  }

  /**
   * Other peers, or the same at other places or with other tokens. Nothing is lost: what is on its way may end, and what waits
   * for a peer that is gone from the configuration is kept.
   */
  async reload(config: ClientOptions['config']): Promise<void> {
    const { limits } = this.#options.spool
    for (const [name, peer] of this.#peers) {
      const now = config.peers.get(name)
      if (now !== undefined) peer.move(now)
      else {
        this.#peers.delete(name)
        await peer.close({ withinMs: limits.graceMs })
      }
    }
    for (const peer of config.peers.values()) {
      if (this.#peers.has(peer.name) || this.#stop.signal.aborted) continue
      void this.#add(peer)?.queue.look()
    }
    this.#status.changed()
  }

  /** Tries now what waits for a later try: of one peer, or of all. One that is paused stays so. */
  kick(peer?: string): string[] {
    const wanted = [...this.#peers].filter(([name]) => peer === undefined || peer === name)
    for (const [, { queue }] of wanted) {
      queue.kick()
      void queue.look()
    }
    return wanted.flatMap(([name]) => (this.#pauses.of(name) === undefined ? [name] : []))
  }

  /** Starts nothing new, waits up to `withinMs` for answers under way, records them, and lets go of the spool. */
  close(options: { withinMs: number }): Promise<void> {
    this.#closing ??= this.#close(options.withinMs)
    return this.#closing
  }

  async #close(withinMs: number): Promise<void> {
    const { lock, life, acked, dead } = this.#parts
    this.#stop.abort()
    this.#unwatch()
    await this.#watcher.close()
    // Whatever cannot be closed: the spool must not be kept from its next client.
    const peers = await Promise.allSettled([...this.#peers.values()].map(peer => peer.close({ withinMs })))
    await this.#scanning
    const closed = await Promise.allSettled([acked.close(), dead.close()])
    await this.#status.close()
    await life.close()
    await lock.release()
    for (const result of [...peers, ...closed]) if (result.status === 'rejected') throw result.reason
  }

  /** This node's own messages are the owner's to take. */
  #add(given: PeerConfig): Peer | undefined {
    const { spool } = this.#options
    if (given.name === spool.node) return undefined
    const { acked, dead } = this.#parts
    const changed = () => this.#status.changed()
    const [transport, openFiles] = [this.#transport, this.#openFiles]
    const peer = new Peer({ spool, peer: { ...given }, transport, acked, dead, openFiles, changed })
    peer.queue.pause(this.#pauses.of(given.name))
    this.#peers.set(given.name, peer)
    return peer
  }

  #hint(hint: Hint | undefined): void {
    if (hint !== undefined) this.#peers.get(hint.peer)?.hint(hint.where)
  }

  /** The truth: everything is looked at, hint or not. */
  async #scan(): Promise<void> {
    const { spool } = this.#options
    const { clock } = spool.system
    const { signal } = this.#stop
    let cleanedAt = clock.ticks()
    while (!signal.aborted) {
      const peers = [...this.#peers.values()]
      await Promise.all(peers.map(peer => peer.scan(this.#hints.scans)))
      if (await this.#unknown.look(this.#peers)) this.#status.changed()
      await this.#pauses.look()
      this.#hints.scans++
      if (clock.ticks() - cleanedAt >= CLEAN_MS) {
        for (const peer of peers) if (!signal.aborted) await peer.clean()
        this.#parts.dead.tidy()
        cleanedAt = clock.ticks()
      }
      await clock.sleep(spool.limits.scanMs, signal)
    }
  }

  /** Beside the scan, which a large backlog must not hold up. */
  async #survey(): Promise<void> {
    const { clock } = this.#options.spool.system
    const { signal } = this.#stop
    for (let turn = 0; !signal.aborted; turn++) {
      for (const peer of this.#peers.values()) if (!signal.aborted) await peer.survey(turn)
      await clock.sleep(this.#options.spool.limits.scanMs, signal)
    }
  }
}
