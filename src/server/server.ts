import { DroprError } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { ChannelRights } from '../spool/channel-rights.ts'
import { SpaceWatch } from '../spool/space-watch.ts'
import type { Spool } from '../spool/spool.ts'
import { acceptedFrom } from '../wire/token.ts'
import type { ReceiveUpload } from '../wire/transport.ts'
import { Arrivals } from './arrivals.ts'
import { BlobIntake } from './blob-intake.ts'
import type { ChannelDepth } from './channel-depth.ts'
import { type GuardRules, isLoopback } from './http-guard.ts'
import { HttpServer } from './http-server.ts'
import { metricsRoute } from './metrics-route.ts'
import { Monitor } from './monitor.ts'
import { type RangeStore, Receiver } from './receiver.ts'
import type { Route } from './route.ts'

/** Where a server listens when nobody says. */
export const LISTEN_DEFAULT = { host: '127.0.0.1', port: 7473 } as const

export interface ServerConfig {
  listen?: { host: string; port: number }
  /** Peers that may send, each with the SHA-256 of its token in hex. */
  accept: ReadonlyMap<string, string>
  /** Channels that some of them may send to only. */
  rights?: ReadonlyMap<string, ChannelRights>
  /** Names by which this node is called, besides its own and loopback's. */
  hosts?: readonly string[]
  limits: Limits
}

/** The inbox, owned by this process for as long as the server runs. */
export interface OwnedInbox {
  readonly store: RangeStore
  /** Messages that wait, over all channels. */
  depth(): number
  /** For metrics. */
  depths?(): ChannelDepth[]
  /** The same: consumers that are attached. */
  attached?(): number
  close(): Promise<void>
}

export interface ServerOptions {
  spool: Spool
  config: ServerConfig
  own: (spool: Spool) => Promise<OwnedInbox>
  /** Of dropr, for /health. */
  version?: string
  /** Other ways in, besides uploads. */
  doors?: readonly Route[]
}

export interface ServerStatus {
  node: string
  /** `host:port`. */
  listen: string
  startedAt: number
  /** Wall ms; undefined until one came. */
  lastUploadAt: number | undefined
  uploads: number
  failures: number
  parkedBytes: number
  depth: number
}

/** The role that receives: HTTP in front of the inbox, which it owns. */
export class Server {
  readonly #options: ServerOptions
  readonly #inbox: OwnedInbox
  readonly #receiver: Receiver
  readonly #blobs: BlobIntake
  readonly #http: HttpServer
  readonly #startedAt: number
  readonly #startedTicks: number
  readonly #rules: ServerRules
  #rights: ServerConfig['rights']
  readonly #arrivals: Arrivals
  readonly #monitor: Monitor
  #listen = ''
  #host = ''
  #closing: Promise<void> | undefined

  private constructor(options: ServerOptions, inbox: OwnedInbox) {
    const { spool, config } = options
    const { clock, log, random } = spool.system
    const { limits } = config
    this.#options = options
    this.#inbox = inbox
    this.#startedAt = clock.now()
    this.#startedTicks = clock.ticks()
    this.#blobs = new BlobIntake({ spool, limits })
    this.#receiver = new Receiver({
      clock,
      log,
      limits,
      store: inbox.store,
      blobs: this.#blobs,
      space: new SpaceWatch({ system: spool.system, path: spool.path, limits }),
      rights: peer => this.#rights?.get(peer)
    })
    this.#rules = rulesOf(spool.node, config)
    this.#rights = config.rights
    this.#arrivals = new Arrivals({ clock, log, store: inbox.store })
    this.#monitor = new Monitor({
      spool,
      limits,
      version: options.version,
      arrivals: this.#arrivals,
      depths: () => inbox.depths?.() ?? [],
      attached: () => inbox.attached?.() ?? 0,
      parkedBytes: () => this.#receiver.parkedBytes
    })
    this.#http = new HttpServer({
      clock,
      random,
      log,
      limits,
      rules: this.#rules,
      receive: this.receive,
      health: () => this.#health(),
      doors: [...(options.doors ?? []), metricsRoute(() => this.#monitor.metrics())]
    })
  }

  /**
   * Owns the inbox, then listens.
   *
   * @throws DroprError CONFIG_BAD (an address beyond loopback without `accept`, or one that is taken), DAEMON_RUNNING, DISK_*.
   */
  static async start(options: ServerOptions): Promise<Server> {
    const inbox = await options.own(options.spool)
    let server: Server | undefined
    try {
      server = new Server(options, inbox)
      const { host, port } = await server.#http.listen(options.config.listen ?? LISTEN_DEFAULT)
      server.#host = host
      server.#listen = `${host.includes(':') ? `[${host}]` : host}:${port}`
      return server
    } catch (error) {
      if (server) server.#monitor.close()
      await inbox.close()
      throw error
    }
  }

  /** Takes an upload, over whatever wire it came; `peer` is who sent it, as far as that was proven. */
  readonly receive: ReceiveUpload = (request, peer) =>
    request.blob === undefined
      ? this.#arrivals.take(request, () => this.#receiver.receive(request, peer))
      : this.#receiver.receive(request, peer)

  /** `host:port`, as the system gave it. */
  get listen(): string {
    return this.#listen
  }

  status(): ServerStatus {
    return {
      node: this.#options.spool.node,
      listen: this.#listen,
      startedAt: this.#startedAt,
      lastUploadAt: this.#arrivals.lastUploadAt,
      uploads: this.#arrivals.uploads,
      failures: [...this.#arrivals.failures.values()].reduce((sum, count) => sum + count, 0),
      parkedBytes: this.#receiver.parkedBytes,
      depth: this.#inbox.depth()
    }
  }

  /** Messages taken since it began. */
  get handled(): number {
    return [...this.#arrivals.received.values()].reduce((sum, count) => sum + count, 0)
  }

  /**
   * Other peers may send, by other tokens, or this node goes by other names. What is in hand is not touched. Another address
   * needs a new start.
   *
   * @throws DroprError CONFIG_BAD; everything stays as it was.
   */
  reload(config: Pick<ServerConfig, 'listen' | 'hosts' | 'accept' | 'rights'>): void {
    const rules = rulesOf(this.#options.spool.node, config)
    if (rules.accepted.size === 0 && !isLoopback(this.#host))
      throw new DroprError('CONFIG_BAD', `accept: without any peer this server may not listen on ${this.#host}`)
    Object.assign(this.#rules, rules)
    this.#rights = config.rights
  }

  /** Takes no more uploads, finishes those in hand for at most `withinMs`, then gives the inbox away. */
  close(options: { withinMs: number }): Promise<void> {
    this.#closing ??= this.#close(options)
    return this.#closing
  }

  async #close(options: { withinMs: number }): Promise<void> {
    try {
      await this.#http.close(options)
    } finally {
      this.#monitor.close()
      await this.#blobs.close()
      await this.#inbox.close()
    }
  }

  async #health(): Promise<Readonly<Record<string, unknown>>> {
    const { spool, version } = this.#options
    const { ok, reasons, client } = await this.#monitor.health()
    return {
      ok,
      reasons,
      node: spool.node,
      version,
      uptimeMs: Math.round(spool.system.clock.ticks() - this.#startedTicks),
      lastUploadAt: this.#arrivals.lastUploadAt,
      depth: this.#inbox.depth(),
      client: client?.progress
    }
  }
}

/** Who may come in, by what names. Changed in place when the configuration is read again. */
type ServerRules = { -readonly [name in keyof GuardRules]: GuardRules[name] }

function rulesOf(node: string, config: Pick<ServerConfig, 'listen' | 'hosts' | 'accept'>): ServerRules {
  return { hosts: hostsOf(node, config), accepted: acceptedOf(config), node }
}

/** As the Host header names them, without ports. */
function hostsOf(node: string, { listen, hosts = [] }: Pick<ServerConfig, 'listen' | 'hosts'>): Set<string> {
  const names = [node, ...hosts, ...(listen === undefined ? [] : [listen.host])]
  return new Set(names.map(name => (name.includes(':') ? `[${name}]` : name).toLowerCase()))
}

function acceptedOf({ accept }: Pick<ServerConfig, 'accept'>) {
  try {
    return acceptedFrom(accept)
  } catch (error) {
    throw new DroprError('CONFIG_BAD', (error as TypeError).message, error)
  }
}
