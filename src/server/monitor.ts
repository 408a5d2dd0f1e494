import type { Limits } from '../limits.ts'
import type { Spool } from '../spool/spool.ts'
import { Metrics } from '../system/metrics.ts'
import { metricsText } from '../system/metrics-text.ts'
import { watchCommits } from '../system/watched-commits.ts'
import type { Arrivals } from './arrivals.ts'
import { askClient, type ClientSays } from './ask-client.ts'
import { askSchedulers, type SchedulerSays } from './ask-schedulers.ts'
import type { ChannelDepth } from './channel-depth.ts'
import { type Health, judgeHealth } from './health.ts'
import { serverSamples } from './server-metrics.ts'

export interface MonitorOptions {
  spool: Spool
  limits: Limits
  version: string | undefined
  arrivals: Arrivals
  depths: () => readonly ChannelDepth[]
  attached: () => number
  parkedBytes: () => number
}

/** What was judged serves everybody who asks for so long. */
const FRESH_MS = 1_000

/** Tells how a node is doing, all daemons: the server asks the others. */
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
    const { spool } = this.#options
    const [server, client = [], schedulers] = await Promise.all([
      this.#metrics.json(),
      askClient(spool, 'metrics'),
      askSchedulers(spool, 'metrics')
    ])
    return await metricsText([server, client, ...schedulers])
  }

  async #judge(): Promise<Judged> {
    const { spool, limits, arrivals } = this.#options
    const [client, schedulers] = await Promise.all([askClient(spool, 'status'), askSchedulers(spool, 'status')])
    const now = spool.system.clock.now()
    const health = judgeHealth({ now, progressMsMax: limits.progressMsMax, client, schedulers, server: arrivals.work })
    return { ...health, client, schedulers }
  }

  async #samples() {
    const { spool, version, arrivals, depths, attached, parkedBytes } = this.#options
    const { ok, client, schedulers } = await this.health()
    const space = await spool.system.files.space(spool.path).catch(() => undefined)
    return serverSamples({
      now: spool.system.clock.now(),
      node: spool.node,
      version,
      ok,
      client: client !== undefined,
      schedulers: schedulers.length,
      arrivals,
      channels: depths(),
      consumers: attached(),
      parkedBytes: parkedBytes(),
      freeBytes: space?.free
    })
  }
}

/** The verdict, and what the others said. */
export interface Judged extends Health {
  client: ClientSays | undefined
  schedulers: readonly SchedulerSays[]
}
