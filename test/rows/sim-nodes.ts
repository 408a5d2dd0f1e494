import { Client } from '../../src/client/client.ts'
import { type Limits, limitsFrom } from '../../src/limits.ts'
import type { Message } from '../../src/queue/message.ts'
import { openQueue } from '../../src/queue/open-queue.ts'
import type { Queue } from '../../src/queue/queue.ts'
import { BlobIntake } from '../../src/server/blob-intake.ts'
import { Owner } from '../../src/server/owner.ts'
import { Receiver } from '../../src/server/receiver.ts'
import type { ChannelRights } from '../../src/spool/channel-rights.ts'
import type { Config } from '../../src/spool/config.ts'
import { SpaceWatch } from '../../src/spool/space-watch.ts'
import { Spool } from '../../src/spool/spool.ts'
import type { Files } from '../../src/system/files.ts'
import { silentLog } from '../../src/system/log.ts'
import { type SimNode, SimWorld } from '../../src/system/sim/index.ts'
import type { System } from '../../src/system/system.ts'
import { withStorage } from '../../src/system/with-storage.ts'
import type { LoopbackFault } from '../../src/wire/loopback-faults.ts'
import { LoopbackTransport } from '../../src/wire/loopback-transport.ts'
import type { UploadRequest } from '../../src/wire/upload.ts'
import type { MemoryFiles } from '../conformance/memory-files.ts'
import { asProcess, memoryFor, type Store } from './stores.ts'

export const SPOOL = '/spool'

/** One upload, as the wire saw it. */
export interface Uploaded {
  peer: string
  at: number
  request: UploadRequest
}

/** Whole nodes on simulated machines: only the world around the product's own pieces is not real. */
export class SimNodes {
  readonly world: SimWorld
  readonly limits: Limits
  readonly transport: LoopbackTransport
  /** Names of peers that are down. */
  readonly down = new Set<string>()
  /** Nodes that do not name another one as their peer: 'a b'. */
  readonly strangers = new Set<string>()
  readonly uploads: Uploaded[] = []
  /** What happens to an upload; nothing unless a test says so. */
  wire: (peer: string, request: UploadRequest) => LoopbackFault | undefined = () => undefined
  /** Channels that a peer may send to at a machine; all unless a test says so. */
  rights: (at: string, peer: string) => ChannelRights | undefined = () => undefined
  readonly #names: readonly string[]
  readonly #store: Store
  readonly #memories = new Map<string, Promise<MemoryFiles>>()
  readonly #receivers = new Map<string, Receiver>()

  constructor(options: { seed: number; names: readonly string[]; limits?: Partial<Limits>; store?: Store }) {
    this.world = new SimWorld({ seed: options.seed, latencyMs: [0.02, 0.2] })
    this.limits = limitsFrom({ ...options.limits })
    this.#names = options.names
    this.#store = options.store ?? 'files'
    let peer = ''
    this.transport = new LoopbackTransport({
      clock: this.world.clock,
      limits: this.limits,
      receiverOf: ({ name }) => {
        const receiver = this.down.has(name) ? undefined : this.#receivers.get(name)
        return receiver && ((request, from) => receiver.receive(request, from))
      },
      faults: request => this.wire(peer, request)
    })
    const upload = this.transport.upload.bind(this.transport)
    this.transport.upload = (to, request, signal) => {
      this.uploads.push({ peer: to.name, at: this.clock.ticks(), request })
      peer = to.name
      return upload(to, request, signal)
    }
  }

  get clock() {
    return this.world.clock
  }

  machine(name: string): SimNode {
    return this.world.node(name)
  }

  /** Where the messages of a machine lie, as nobody in particular sees them. */
  async storage(name: string): Promise<Files> {
    if (this.#store === 'files') return this.machine(name).disk
    const memory = this.#memories.get(name) ?? memoryFor(SPOOL)
    this.#memories.set(name, memory)
    return await memory
  }

  async #system(name: string, process: string): Promise<System> {
    const system = this.machine(name).process(process)
    if (this.#store === 'files') return system
    const { clock, files, watch, sockets, random, log } = system
    const pause = () => clock.sleep(this.world.random.between(...this.world.latencyMs))
    const storage = asProcess(await this.storage(name), pause)
    return withStorage({ system: { clock, files, watch, sockets, random, log }, storage, spool: SPOOL })
  }

  until<T>(promise: Promise<T>): Promise<T> {
    return this.clock.until(promise)
  }

  /** An application's queue on the spool of a machine. */
  async queue(name: string, process = 'app'): Promise<Queue> {
    const system = await this.#system(name, process)
    return this.until(openQueue({ system, spool: SPOOL, node: name, config: this.#config(name) }))
  }

  /** The client daemon of a machine. */
  async client(name: string, process = 'client'): Promise<Client> {
    const spool = await this.#spool(name, process)
    return this.until(Client.start({ spool, config: this.#config(name), transport: this.transport }))
  }

  /** The inbox's owner of a machine, and what receives for it. */
  async server(name: string, process = 'server', changes: Partial<Limits> = {}): Promise<Owner> {
    const limits = { ...this.limits, ...changes }
    const spool = await this.#spool(name, process)
    const owner = await this.until(Owner.own({ spool }))
    const blobs = new BlobIntake({ spool, limits })
    this.#receivers.set(
      name,
      new Receiver({
        clock: this.clock,
        log: silentLog,
        limits,
        store: owner.store,
        blobs,
        space: new SpaceWatch({ system: spool.system, path: SPOOL, limits }),
        rights: peer => this.rights(name, peer)
      })
    )
    return owner
  }

  /** Everything that a queue can poll now, acknowledged. */
  async take(queue: Queue, channel = 'common', waitMs = 3_000): Promise<Message[]> {
    const got: Message[] = []
    for (;;) {
      const messages = await this.until(queue.poll({ channel, max: 1_000, wait: waitMs }))
      if (messages.length === 0) return got
      got.push(...messages)
      await this.until(Promise.all(messages.map(message => message.ack())))
    }
  }

  async #spool(name: string, process: string): Promise<Spool> {
    const system = await this.#system(name, process)
    return this.until(Spool.open({ system, path: SPOOL, node: name, limits: this.limits }))
  }

  #config(self: string): Config {
    const others = this.#names.filter(name => name !== self && !this.strangers.has(`${self} ${name}`))
    const peers = new Map(others.map(name => [name, { name, url: `http://${name}.example` }]))
    return { peers, accept: new Map(), limits: this.limits }
  }
}
