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

/** The metrics of one daemon as JSON, in the form of prom-client, to be handed from process to process. */
export type MetricsJson = readonly MetricJson[]

interface MetricJson {
  name: MetricName
  help: string
  type: MetricRow['kind']
  aggregator: 'sum'
  values: readonly { value: number; labels: Readonly<Record<string, string | number>>; metricName?: string }[]
}

/** Channels and peers are other people's to name: beyond so many series of one metric, the rest are one. */
const SERIES_MAX = 1_000
const OTHER = '(other)'
const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/**
 * The metrics of one daemon.
 *
 * Counters and gauges are read from what the daemon knows at the moment somebody asks, so that they cost nothing in between;
 * only histograms are filled on the way. prom-client writes the text of all (metrics-text.ts), in the server: that the others
 * need not load it saves a tenth of their start.
 */
export class Metrics {
  readonly #options: MetricsOptions
  readonly #spans = new Map<MetricName, Counts & { counts: number[] }>()

  constructor(options: MetricsOptions) {
    this.#options = options
    for (const [name, { kind, labels }] of rowsOf(options.role)) {
      if (kind !== 'histogram') continue
      const counts = Array.from({ length: SECONDS.length + 1 }, () => 0)
      const role = labels.length > 0 ? { role: options.role } : undefined
      this.#spans.set(name, { name, labels: { ...role }, bounds: SECONDS, counts, seconds: 0 })
    }
  }

  /** Notes a span of time. */
  observeMs(name: 'dropr_sync_seconds' | 'dropr_upload_seconds', ms: number): void {
    const span = this.#spans.get(name)
    if (span === undefined) return
    const seconds = ms / 1_000
    const at = SECONDS.findIndex(bound => seconds <= bound)
    span.counts[at < 0 ? SECONDS.length : at]! += 1
    span.seconds += seconds
  }

  async json(): Promise<MetricsJson> {
    const { role, collect, counts: given } = this.#options
    const samples = bounded([...(await collect()), ...processSamples(role)])
    const counts = [...(given?.() ?? [])]
    for (const span of this.#spans.values()) if (!counts.some(({ name }) => name === span.name)) counts.push(span)
    return rowsOf(role).map(([name, { kind }]) =>
      kind === 'histogram' ? countsJson(name, counts) : samplesJson(name, samples)
    )
  }
}

function rowsOf(role: DaemonRole): [MetricName, MetricRow][] {
  return (Object.entries(METRICS) as [MetricName, MetricRow][]).filter(
    ([, row]) => row.role === 'all' || row.role === role
  )
}

/** As prom-client itself would give it: what is said of one series twice is added up, and one without labels is always there. */
function samplesJson(name: MetricName, samples: readonly Sample[]): MetricJson {
  const { help, kind, labels: names }: MetricRow = METRICS[name]
  const values = new Map<string, { value: number; labels: Readonly<Record<string, string>> }>()
  if (names.length === 0) values.set('', { value: 0, labels: {} })
  for (const { name: of, labels = {}, value } of samples) {
    if (of !== name) continue
    const key = names.length === 0 ? '' : JSON.stringify(names.map(label => labels[label]))
    const before = values.get(key)?.value ?? 0
    values.set(key, { value: before + value, labels })
  }
  return { name, help, type: kind, aggregator: 'sum', values: [...values.values()] }
}

/** As prom-client itself would give it. */
function countsJson(name: MetricName, counts: readonly Counts[]): MetricJson {
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
  const { help } = METRICS[name]
  return { name, help, type: 'histogram', aggregator: 'sum', values }
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
