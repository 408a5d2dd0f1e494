import type { MetricsJson } from './metrics.ts'

/** What prom-client says of its own text. */
export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** The metrics of several daemons as one text, in the form Prometheus reads. The only door to prom-client. */
export async function metricsText(parts: readonly MetricsJson[]): Promise<string> {
  // Loaded when somebody asks: it is a fifth of the files that a server would read at its start.
  const { AggregatorRegistry } = await import('prom-client')
  return await AggregatorRegistry.aggregate(parts as never).metrics()
}
