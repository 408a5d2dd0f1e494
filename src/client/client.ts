import { DroprError, diskError } from '../errors.ts'
import { Ids } from '../journal/ids.ts'
import { Acked } from '../spool/acked.ts'
import type { PeerConfig } from '../spool/config.ts'
import { OpenFiles } from '../spool/open-files.ts'
import { DeadRoom } from '../spool/room-dead.ts'
import type { Spool } from '../spool/spool.ts'
import { WriterLife } from '../spool/writer-life.ts'
import { acquireLock, type Lock, LockHeldError } from '../system/lock.ts'
import type { Line } from '../system/sockets.ts'
import type { Watcher } from '../system/watch.ts'
import type { Transport } from '../wire/transport.ts'
import { type ClientStatus, StatusFile } from './client-status.ts'
import { type Hint, hintOfPath, parseAsk } from './hints.ts'
import { Peer } from './peer.ts'

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
  #scanning: Promise<void>
  #unknownPeers: string[] = []
  #closing: Promise<void> | undefined

  private constructor(options: ClientOptions, parts: Parts) {
    const { spool, config, transport } = options
    const { clock, files, log, watch } = spool.system
    this.#options = options
    this.#parts = parts
    this.#startedAt = clock.now()
    const path = `${spool.run}/client.json`
    this.#status = new StatusFile({ clock, files, log, path, status: () => this.status() })
    const { acked, dead } = parts
    const openFiles = new OpenFiles(spool.limits.filesOpenMax)
    const changed = () => this.#status.changed()
    for (const peer of config.peers.values()) {
      // This node's own messages are the owner's to take.
      if (peer.name === spool.node) continue
      this.#peers.set(peer.name, new Peer({ spool, peer, transport, acked, dead, openFiles, changed }))
    }
    parts.lock.onConnection = line => this.#listen(line)
    this.#watcher = watch.folder(`${spool.path}/outbox`, changedPath => {
      this.#hints.events++
      this.#hint(hintOfPath(`${spool.path}/outbox`, changedPath))
    })
    this.#scanning = this.#scan()
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
      return new Client(options, { lock, life, acked, dead: new DeadRoom({ spool, writer, ids }) })
    } catch (error) {
      await life?.close()
      await lock.release()
      throw error
    }
  }

  status(): ClientStatus {
    const { spool } = this.#options
    return {
      pid: process.pid,
      node: spool.node,
      startedAt: this.#startedAt,
      at: spool.system.clock.now(),
      hints: { ...this.#hints },
      peers: [...this.#peers.values()].map(peer => peer.queue.status()),
      unknownPeers: this.#unknownPeers
    }
  }

  /** Tries now what waits for a later try: of one peer, or of all. */
  kick(peer?: string): void {
    for (const [name, { queue }] of this.#peers) {
      if (peer !== undefined && peer !== name) continue
      queue.kick()
      void queue.look()
    }
  }

  /** Starts nothing new, waits up to `withinMs` for answers under way, records them, and lets go of the spool. */
  close(options: { withinMs: number }): Promise<void> {
    this.#closing ??= this.#close(options.withinMs)
    return this.#closing
  }

  async #close(withinMs: number): Promise<void> {
    const { lock, life, acked, dead } = this.#parts
    this.#stop.abort()
    await this.#watcher.close()
    await Promise.all([...this.#peers.values()].map(peer => peer.close({ withinMs })))
    await this.#scanning
    const closed = await Promise.allSettled([acked.close(), dead.close()])
    await this.#status.close()
    await life.close()
    await lock.release()
    for (const result of closed) if (result.status === 'rejected') throw result.reason
  }

  #listen(line: Line): void {
    line.onEnd = () => undefined
    line.onMessage = text => {
      const ask = parseAsk(text)
      if (ask?.op === 'kick') this.kick(ask.peer)
      if (ask?.op !== 'poke') return
      this.#hints.pokes++
      this.#hint(ask.hint)
    }
  }

  #hint(hint: Hint | undefined): void {
    const queue = hint && this.#peers.get(hint.peer)?.queue
    if (queue === undefined || hint === undefined) return
    if (hint.where === undefined) void queue.look()
    else queue.hint(hint.where)
  }

  /** The truth: everything is looked at, hint or not. */
  async #scan(): Promise<void> {
    const { spool } = this.#options
    const { clock } = spool.system
    const { signal } = this.#stop
    let cleanedAt = clock.ticks()
    while (!signal.aborted) {
      const peers = [...this.#peers.values()]
      await Promise.all(peers.map(peer => peer.queue.look()))
      await this.#lookForUnknown()
      this.#hints.scans++
      if (clock.ticks() - cleanedAt >= CLEAN_MS) {
        for (const peer of peers) if (!signal.aborted) await peer.clean()
        cleanedAt = clock.ticks()
      }
      await clock.sleep(spool.limits.scanMs, signal)
    }
  }

  async #lookForUnknown(): Promise<void> {
    const { spool } = this.#options
    try {
      const unknown = (await spool.outboxPeers()).filter(name => name !== spool.node && !this.#peers.has(name))
      if (unknown.join() === this.#unknownPeers.join()) return
      this.#unknownPeers = unknown
      this.#status.changed()
      if (unknown.length === 0) return
      spool.system.log.warn(
        { code: 'PEER_UNKNOWN', peers: unknown },
        'messages for peers that are not configured: kept, not sent'
      )
    } catch (error) {
      spool.system.log.error({ code: 'OUTBOX_UNREADABLE', error: String(error) }, 'cannot look into the outbox')
    }
  }
}

async function lockSpool(spool: Spool): Promise<Lock> {
  await spool.folders.ensure(spool.run)
  const about = { role: 'client', pid: process.pid, spool: spool.id, since: spool.system.clock.now() }
  try {
    return await acquireLock(spool.system, { folder: spool.run, name: 'client', about })
  } catch (error) {
    if (!(error instanceof LockHeldError)) throw diskError(error, `take the lock of the client of ${spool.path}`)
    const { pid } = (error.about ?? {}) as { pid?: unknown }
    const who = typeof pid === 'number' ? `pid ${pid}` : 'a process that does not answer'
    throw new DroprError('DAEMON_RUNNING', `${spool.path} has a client already: ${who}`, error)
  }
}
