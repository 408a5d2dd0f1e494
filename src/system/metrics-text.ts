import { AggregatorRegistry, Registry } from 'prom-client'
import type { MetricsJson } from './metrics.ts'

export const METRICS_TYPE = Registry.PROMETHEUS_CONTENT_TYPE

/** The metrics of several daemons as one text, in the form Prometheus reads. The only door to prom-client. */
export async function metricsText(parts: readonly MetricsJson[]): Promise<string> {
  return await AggregatorRegistry.aggregate(parts as never).metrics()
}
