import { Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { Metrics, type Sample } from '../../src/system/metrics.ts'
import { METRICS_TYPE, metricsText } from '../../src/system/metrics-text.ts'
import { parsePrometheus } from '../rows/prometheus.ts'

const shown = async (samples: Sample[]) =>
  parsePrometheus(await metricsText([await new Metrics({ role: 'server', collect: () => samples }).json()]))

test('what the metrics say they are is what prom-client writes', () => {
  expect(METRICS_TYPE).toBe(Registry.PROMETHEUS_CONTENT_TYPE)
})

test('beyond 1,000 series of a metric the rest are one: depths added up, ages the largest', async () => {
  const channels = Array.from({ length: 1_500 }, (_, i) => `c${i}`)
  const metrics = await shown([
    ...channels.map(
      (channel): Sample => ({ name: 'dropr_inbox_depth', labels: { channel, state: 'pending' }, value: 2 })
    ),
    ...channels.map((channel, i): Sample => ({ name: 'dropr_inbox_oldest_seconds', labels: { channel }, value: i }))
  ])
  const depths = metrics.get('dropr_inbox_depth')!.samples
  expect(depths.length).toBe(1_001)
  expect(depths.at(-1)).toMatchObject({ labels: { channel: '(other)' }, value: 1_000 })
  expect(metrics.get('dropr_inbox_oldest_seconds')!.samples.at(-1)!.value).toBe(1_499)
})

test('a channel of any name stays one line of text', async () => {
  const channel = 'a"b\\c{}=, \u2028é'
  const metrics = await shown([{ name: 'dropr_done_total', labels: { channel }, value: 3 }])
  expect(metrics.get('dropr_done_total')!.samples).toMatchObject([{ value: 3 }])
})

test('what is no more is not shown any more', async () => {
  let samples: Sample[] = [{ name: 'dropr_done_total', labels: { channel: 'gone' }, value: 3 }]
  const metrics = new Metrics({ role: 'server', collect: () => samples })
  await metrics.json()
  samples = []
  expect(parsePrometheus(await metricsText([await metrics.json()])).get('dropr_done_total')?.samples ?? []).toEqual([])
})

test('one histogram of two daemons is one family', async () => {
  const both = (['client', 'server'] as const).map(role => {
    const metrics = new Metrics({ role, collect: () => [] })
    metrics.observeMs('dropr_sync_seconds', 3)
    return metrics.json()
  })
  const { samples } = parsePrometheus(await metricsText(await Promise.all(both))).get('dropr_sync_seconds')!
  const counts = samples.filter(({ name }) => name.endsWith('_count'))
  expect(counts.map(({ labels, value }) => [labels.role, value])).toEqual([
    ['client', 1],
    ['server', 1]
  ])
})
