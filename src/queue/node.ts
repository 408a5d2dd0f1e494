import type { Client } from '../client/client.ts'
import { Owner } from '../server/owner.ts'
import type { Server } from '../server/server.ts'
import type { Config } from '../spool/config.ts'
import type { Spool } from '../spool/spool.ts'
import { keepAlive } from '../system/keep-alive.ts'
import type { ReceiveUpload, Transport } from '../wire/transport.ts'
import { checkDuration, checkOptions, type Duration, said } from './options.ts'
import type { Queue } from './queue.ts'
import { openSpool, type QueueOptions, queueOn } from './queue-on.ts'
import { type RunningScheduler, startScheduler } from './start-scheduler.ts'

const ROLES = ['client', 'server', 'scheduler'] as const
export type NodeRole = (typeof ROLES)[number]

export interface NodeOptions extends QueueOptions {
  /** What runs here besides the queue. Default: all. */
  roles?: readonly NodeRole[]
  /** How messages travel. Default: HTTP. The caller's to close, after the node. */
  transport?: Transport
}

const OPTIONS = new Set(['spool', 'config', 'log', 'node', 'storage', 'system', 'roles', 'transport'])
const CLOSE = new Set(['within'])

interface Parts {
  spool: Spool
  queue: Queue
  client: Client | undefined
  server: Server | undefined
  scheduler: RunningScheduler | undefined
  transport: Transport | undefined
}

/** What the roles of a node say; undefined for those that do not run. */
export interface NodeStatus {
  client: ReturnType<Client['status']> | undefined
  server: ReturnType<Server['status']> | undefined
  scheduler: ReturnType<RunningScheduler['status']> | undefined
}

/** A whole node in this process: its queue, the client that sends, the server that receives, the scheduler. */
export class Node {
  readonly queue: Queue
  readonly name: string
  readonly #parts: Parts
  #closed: Promise<void> | undefined

  constructor(parts: Parts) {
    this.queue = parts.queue
    this.name = parts.spool.node
    this.#parts = parts
  }

  /** Where the server listens, `host:port`; undefined without one. */
  get listen(): string | undefined {
    return this.#parts.server?.listen
  }

  /**
   * Takes an upload that came over a transport of the program's own; `peer` is who sent it, as far as that was proven.
   *
   * @throws TypeError without the role `server`; else what the receiver says, for `failureTold` (dropr/conformance).
   */
  readonly receive: ReceiveUpload = async (request, peer) => {
    const { server } = this.#parts
    if (server === undefined) throw new TypeError('this node has no server to receive')
    return server.receive(request, peer)
  }

  /** What `dropr status` shows of the daemons. */
  status(): NodeStatus {
    const { client, server, scheduler } = this.#parts
    return { client: client?.status(), server: server?.status(), scheduler: scheduler?.status() }
  }

  /** Closes the queue, then the daemons, which finish what they have in hand for `within` (default `graceMs`). */
  close(options?: { within?: Duration }): Promise<void> {
    if (options !== undefined) checkOptions(options, CLOSE, 'close')
    const { graceMs } = this.#parts.spool.limits
    const within = options?.within === undefined ? graceMs : checkDuration(options.within, 'within', 0, 3_600_000)
    this.#closed ??= closeAll(this.#parts, within)
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/**
 * Starts the roles in this process, for embedding and tests. Nothing restarts them: the daemons of `dropr up` are for that.
 *
 * Rejects with DAEMON_RUNNING when others work on this spool, and with what `openQueue` rejects with.
 */
export async function startNode(options: NodeOptions = {}): Promise<Node> {
  const roles = checkRoles(options.roles)
  const { spool, config } = await openSpool(options, OPTIONS, 'startNode')
  const letGo = keepAlive()
  const parts: Omit<Parts, 'queue'> = {
    spool,
    client: undefined,
    server: undefined,
    scheduler: undefined,
    transport: undefined
  }
  try {
    if (roles.has('server')) parts.server = await startServer(spool, config)
    if (roles.has('client')) {
      if (options.transport === undefined) parts.transport = await httpTransport(spool, config)
      parts.client = await startClient(spool, config, options.transport ?? parts.transport!)
    }
    if (roles.has('scheduler')) parts.scheduler = await startScheduler(spool, config, () => Owner.here(spool))
    return new Node({ ...parts, queue: await queueOn({ spool, config, owner: Owner }) })
  } catch (error) {
    await closeAll({ ...parts, queue: undefined }, 0).catch(() => undefined)
    throw error
  } finally {
    letGo()
  }
}

async function closeAll(parts: Omit<Parts, 'queue'> & { queue: Queue | undefined }, withinMs: number): Promise<void> {
  const { queue, client, server, scheduler, transport } = parts
  const letGo = keepAlive()
  try {
    const first = await Promise.allSettled([queue?.close({ within: withinMs })])
    const rest = await Promise.allSettled([
      client?.close({ withinMs }),
      server?.close({ withinMs }),
      scheduler?.close()
    ])
    await transport?.close()
    for (const result of [...first, ...rest]) if (result.status === 'rejected') throw result.reason
  } finally {
    letGo()
  }
}

/* What only one role needs is loaded with it: fastify and undici take 0.2 s. */

async function startServer(spool: Spool, config: Config): Promise<Server> {
  const { Server } = await import('../server/server.ts')
  return await Server.start({ spool, config, own: owned => Owner.own({ spool: owned }) })
}

async function startClient(spool: Spool, config: Config, transport: Transport): Promise<Client> {
  const { Client } = await import('../client/client.ts')
  return await Client.start({ spool, config, transport })
}

async function httpTransport(spool: Spool, config: Config): Promise<Transport> {
  const { HttpTransport } = await import('../wire/http-transport.ts')
  return new HttpTransport({ clock: spool.system.clock, limits: config.limits })
}

function checkRoles(roles: unknown): ReadonlySet<NodeRole> {
  if (roles === undefined) return new Set(ROLES)
  if (!Array.isArray(roles)) throw new TypeError(`roles must be an array, got ${said(roles)}`)
  for (const role of roles) {
    if (!ROLES.includes(role as NodeRole)) throw new TypeError(`roles may be ${ROLES.join(', ')}, got ${said(role)}`)
  }
  return new Set(roles as NodeRole[])
}
