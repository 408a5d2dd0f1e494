import { DroprError } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { Spool } from '../spool/spool.ts'
import { acceptedFrom } from '../wire/token.ts'
import type { UploadAnswer, UploadRequest } from '../wire/upload.ts'
import { HttpServer } from './http-server.ts'
import { type RangeStore, Receiver } from './receiver.ts'

/** Where a server listens when nobody says. */
export const LISTEN_DEFAULT = { host: '127.0.0.1', port: 7473 } as const

export interface ServerConfig {
  listen?: { host: string; port: number }
  /** Peers that may send, each with the SHA-256 of its token in hex. */
  accept: ReadonlyMap<string, string>
  /** Names by which this node is called, besides its own and loopback's. */
  hosts?: readonly string[]
  limits: Limits
}

/** The inbox, owned by this process for as long as the server runs. */
export interface OwnedInbox {
  readonly store: RangeStore
  /** Messages that wait, over all channels. */
  depth(): number
  close(): Promise<void>
}

export interface ServerOptions {
  spool: Spool
  config: ServerConfig
  own: (spool: Spool) => Promise<OwnedInbox>
  /** Of dropr, for /health. */
  version?: string
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
  readonly #http: HttpServer
  readonly #startedAt: number
  readonly #startedTicks: number
  #listen = ''
  #lastUploadAt: number | undefined
  #uploads = 0
  #failures = 0
  #closing: Promise<void> | undefined

  private constructor(options: ServerOptions, inbox: OwnedInbox) {
    const { spool, config } = options
    const { clock, log, random } = spool.system
    const { limits } = config
    this.#options = options
    this.#inbox = inbox
    this.#startedAt = clock.now()
    this.#startedTicks = clock.ticks()
    this.#receiver = new Receiver({ clock, log, limits, store: inbox.store })
    this.#http = new HttpServer({
      clock,
      random,
      log,
      limits,
      rules: { hosts: hostsOf(spool.node, config), accepted: acceptedOf(config) },
      receive: (request, peer) => this.#receive(request, peer),
      health: () => this.#health()
    })
  }

  /**
   * Owns the inbox, then listens.
   *
   * @throws DroprError CONFIG_BAD (an address beyond loopback without `accept`, or one that is taken), DAEMON_RUNNING, DISK_*.
   */
  static async start(options: ServerOptions): Promise<Server> {
    const inbox = await options.own(options.spool)
    try {
      const server = new Server(options, inbox)
      const { host, port } = await server.#http.listen(options.config.listen ?? LISTEN_DEFAULT)
      server.#listen = `${host.includes(':') ? `[${host}]` : host}:${port}`
      return server
    } catch (error) {
      await inbox.close()
      throw error
    }
  }

  /** `host:port`, as the system gave it. */
  get listen(): string {
    return this.#listen
  }

  status(): ServerStatus {
    return {
      node: this.#options.spool.node,
      listen: this.#listen,
      startedAt: this.#startedAt,
      lastUploadAt: this.#lastUploadAt,
      uploads: this.#uploads,
      failures: this.#failures,
      parkedBytes: this.#receiver.parkedBytes,
      depth: this.#inbox.depth()
    }
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
      await this.#inbox.close()
    }
  }

  async #receive(request: UploadRequest, peer: string): Promise<UploadAnswer> {
    try {
      const answer = await this.#receiver.receive(request, peer)
      this.#uploads++
      this.#lastUploadAt = this.#options.spool.system.clock.now()
      return answer
    } catch (error) {
      this.#failures++
      throw error
    }
  }

  #health(): Readonly<Record<string, unknown>> {
    const { spool, version } = this.#options
    return {
      node: spool.node,
      version,
      uptimeMs: Math.round(spool.system.clock.ticks() - this.#startedTicks),
      lastUploadAt: this.#lastUploadAt,
      depth: this.#inbox.depth()
    }
  }
}

/** As the Host header names them, without ports. */
function hostsOf(node: string, { listen, hosts = [] }: ServerConfig): Set<string> {
  const names = [node, ...hosts, ...(listen === undefined ? [] : [listen.host])]
  return new Set(names.map(name => (name.includes(':') ? `[${name}]` : name).toLowerCase()))
}

function acceptedOf({ accept }: ServerConfig) {
  try {
    return acceptedFrom(accept)
  } catch (error) {
    throw new DroprError('CONFIG_BAD', (error as TypeError).message, error)
  }
}
