import { METRICS_TYPE } from '../system/metrics-text.ts'
import type { Route } from './route.ts'

/** `GET /metrics`, for who may read messages too: channel names and depths are data (SEC-25). */
export function metricsRoute(text: () => Promise<string>): Route {
  return {
    method: 'GET',
    path: '/metrics',
    schema: {
      id: 'metrics',
      summary: 'Metrics of this node, all daemons, in the text form of Prometheus.',
      answers: { 200: { means: 'The metrics of docs/metrics.md.', body: 'bytes' } }
    },
    bodyBytesMax: 0,
    handler: async () => ({
      status: 200,
      headers: { 'content-type': METRICS_TYPE },
      body: Buffer.from(await text())
    })
  }
}
