import { AggregatorRegistry, Counter, Gauge, Histogram, type MetricObject, Registry } from 'prom-client'
import { METRICS, type MetricName, type MetricRow } from './metric-table.ts'

/** One series of one metric, now. */
export interface Sample {
  name: MetricName
  labels?: Readonly<Record<string, string>>
  value: number
}

/** Counts that a daemon kept itself: as many as `bounds`, and one for what is above. */
export interface Counts {
  name: MetricName
  labels: Readonly<Record<string, string>>
  /** Seconds, rising. */
  bounds: readonly number[]
  counts: readonly number[]
  /** Of all values. */
  seconds: number
}

export type DaemonRole = 'client' | 'server' | 'scheduler'

export interface MetricsOptions {
  role: DaemonRole
  collect: () => readonly Sample[] | Promise<readonly Sample[]>
  /** Histograms that are not filled by `observeMs`. */
  counts?: () => readonly Counts[]
}

/** The metrics of one daemon as JSON, to be handed from process to process. */
export type MetricsJson = readonly MetricObject[]

export const METRICS_TYPE = Registry.PROMETHEUS_CONTENT_TYPE

/** Channels and peers are other people's to name: beyond so many series of one metric, the rest are one. */
const SERIES_MAX = 1_000
const OTHER = '(other)'
const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/**
 * The registry of one daemon. The only door to prom-client.
 *
 * Counters and gauges are read from what the daemon knows at the moment somebody asks, so that they cost nothing in between;
 * only histograms are filled on the way.
 */
export class Metrics {
  readonly #role: DaemonRole
  readonly #registry = new Registry()
  readonly #series = new Map<MetricName, Counter | Gauge>()
  readonly #histograms = new Map<MetricName, Histogram>()
  readonly #options: MetricsOptions

  constructor(options: MetricsOptions) {
    this.#role = options.role
    this.#options = options
    for (const [name, row] of Object.entries<MetricRow>(METRICS)) {
      if (row.role !== 'all' && row.role !== this.#role) continue
      const about = { name, help: row.help, labelNames: [...row.labels], registers: [this.#registry] }
      if (row.kind === 'histogram')
        this.#histograms.set(name as MetricName, new Histogram({ ...about, buckets: SECONDS }))
      else this.#series.set(name as MetricName, row.kind === 'counter' ? new Counter(about) : new Gauge(about))
    }
  }

  /** Notes a span of time. */
  observeMs(name: 'dropr_sync_seconds' | 'dropr_upload_seconds', ms: number): void {
    const labels = METRICS[name].labels.length > 0 ? { role: this.#role } : {}
    this.#histograms.get(name)?.observe(labels, ms / 1_000)
  }

  async json(): Promise<MetricsJson> {
    const samples = [...(await this.#options.collect()), ...processSamples(this.#role)]
    for (const metric of this.#series.values()) metric.reset()
    for (const { name, labels = {}, value } of bounded(samples)) this.#series.get(name)?.inc({ ...labels }, value)
    const counts = this.#options.counts?.() ?? []
    const counted = new Set<string>(counts.map(({ name }) => name))
    const metrics = await this.#registry.getMetricsAsJSON()
    return [...metrics.filter(({ name }) => !counted.has(name)), ...[...counted].map(name => countsJson(name, counts))]
  }
}

/** As prom-client itself would give it. */
function countsJson(name: string, counts: readonly Counts[]): MetricObject {
  const values = counts
    .filter(one => one.name === name)
    .flatMap(({ labels, bounds, counts: each, seconds }) => {
      let sum = 0
      const buckets = each.map((count, i) => {
        sum += count
        return { labels: { ...labels, le: bounds[i] ?? '+Inf' }, value: sum, metricName: `${name}_bucket` }
      })
      const total = { labels, value: sum, metricName: `${name}_count` }
      return [...buckets, { labels, value: seconds, metricName: `${name}_sum` }, total]
    })
  const { help } = METRICS[name as MetricName]
  return { name, help, type: 'histogram', aggregator: 'sum', values } as unknown as MetricObject
}

/** The metrics of several daemons as one text, in the form Prometheus reads. */
export async function metricsText(parts: readonly MetricsJson[]): Promise<string> {
  return await AggregatorRegistry.aggregate(parts as never).metrics()
}

/** At most SERIES_MAX series of each metric; what comes later is folded into one. */
function bounded(samples: readonly Sample[]): Sample[] {
  const counts = new Map<MetricName, number>()
  const others = new Map<MetricName, Sample>()
  const kept: Sample[] = []
  for (const sample of samples) {
    const count = (counts.get(sample.name) ?? 0) + 1
    counts.set(sample.name, count)
    if (count <= SERIES_MAX) {
      kept.push(sample)
      continue
    }
    const row: MetricRow = METRICS[sample.name]
    const before = others.get(sample.name)?.value ?? 0
    const value = row.fold === 'max' ? Math.max(before, sample.value) : before + sample.value
    const labels = Object.fromEntries(row.labels.map(label => [label, OTHER]))
    others.set(sample.name, { name: sample.name, labels, value })
  }
  return [...kept, ...others.values()]
}

function processSamples(role: string): Sample[] {
  const { user, system } = process.cpuUsage()
  const startedAt = Date.now() / 1_000 - process.uptime()
  const labels = { role }
  return [
    { name: 'process_resident_memory_bytes', labels, value: process.memoryUsage.rss() },
    { name: 'process_cpu_seconds_total', labels, value: (user + system) / 1e6 },
    { name: 'process_start_time_seconds', labels, value: Math.round(startedAt) }
  ]
}
