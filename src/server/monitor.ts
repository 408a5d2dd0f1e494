import type { Limits } from '../limits.ts'
import type { Spool } from '../spool/spool.ts'
import { Metrics, metricsText } from '../system/metrics.ts'
import { watchCommits } from '../system/watched-commits.ts'
import type { Arrivals } from './arrivals.ts'
import { askClient, type ClientSays } from './ask-client.ts'
import type { ChannelDepth } from './channel-depth.ts'
import { type Health, judgeHealth } from './health.ts'
import { serverSamples } from './server-metrics.ts'

export interface MonitorOptions {
  spool: Spool
  limits: Limits
  version: string | undefined
  arrivals: Arrivals
  depths: () => readonly ChannelDepth[]
  parkedBytes: () => number
}

/** What was judged serves everybody who asks for so long. */
const FRESH_MS = 1_000

/** Tells how a node is doing, both daemons: the server asks the client. */
export class Monitor {
  readonly #options: MonitorOptions
  readonly #metrics: Metrics
  readonly #unwatch: () => void
  #judged: { at: number; health: Promise<Judged> } | undefined

  constructor(options: MonitorOptions) {
    this.#options = options
    this.#metrics = new Metrics({ role: 'server', collect: () => this.#samples() })
    this.#unwatch = watchCommits(this.#metrics, options.spool.path)
  }

  close(): void {
    this.#unwatch()
  }

  health(): Promise<Judged> {
    const ticks = this.#options.spool.system.clock.ticks()
    if (this.#judged === undefined || ticks - this.#judged.at >= FRESH_MS)
      this.#judged = { at: ticks, health: this.#judge() }
    return this.#judged.health
  }

  /** In the form of Prometheus. */
  async metrics(): Promise<string> {
    const [server, client = []] = await Promise.all([this.#metrics.json(), askClient(this.#options.spool, 'metrics')])
    return await metricsText([server, client])
  }

  async #judge(): Promise<Judged> {
    const { spool, limits, arrivals } = this.#options
    const client = await askClient(spool, 'status')
    const now = spool.system.clock.now()
    const health = judgeHealth({ now, progressMsMax: limits.progressMsMax, client, server: arrivals.work })
    return { ...health, client }
  }

  async #samples() {
    const { spool, version, arrivals, depths, parkedBytes } = this.#options
    const { ok, client } = await this.health()
    const space = await spool.system.files.space(spool.path).catch(() => undefined)
    return serverSamples({
      now: spool.system.clock.now(),
      node: spool.node,
      version,
      ok,
      client: client !== undefined,
      arrivals,
      channels: depths(),
      parkedBytes: parkedBytes(),
      freeBytes: space?.free
    })
  }
}

/** The verdict, and what the client said. */
export interface Judged extends Health {
  client: ClientSays | undefined
}
