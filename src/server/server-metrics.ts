import type { Sample } from '../system/metrics.ts'
import type { Arrivals } from './arrivals.ts'
import type { ChannelDepth } from './channel-depth.ts'

/** What Prometheus is told of a server. */
export function serverSamples(facts: {
  now: number
  node: string
  version: string | undefined
  ok: boolean
  client: boolean
  schedulers: number
  arrivals: Arrivals
  channels: readonly ChannelDepth[]
  consumers: number
  parkedBytes: number
  freeBytes: number | undefined
}): Sample[] {
  const {
    now,
    node,
    version = '',
    ok,
    client,
    schedulers,
    arrivals,
    channels,
    consumers,
    parkedBytes,
    freeBytes
  } = facts
  const samples: Sample[] = [
    { name: 'dropr_info', labels: { node, version }, value: 1 },
    { name: 'dropr_healthy', value: ok ? 1 : 0 },
    { name: 'dropr_client_up', value: client ? 1 : 0 },
    { name: 'dropr_schedulers_up', value: schedulers },
    { name: 'dropr_parked_bytes', value: parkedBytes },
    { name: 'dropr_consumers', value: consumers },
    { name: 'dropr_duplicates_total', labels: { kind: 'position' }, value: arrivals.repeated }
  ]
  if (freeBytes !== undefined) samples.push({ name: 'dropr_free_bytes', value: freeBytes })
  for (const [from, value] of arrivals.received)
    samples.push({ name: 'dropr_received_total', labels: { node: from }, value })
  for (const [code, value] of arrivals.failures)
    samples.push({ name: 'dropr_upload_failures_total', labels: { code }, value })
  let duplicates = 0
  for (const depth of channels) {
    samples.push(...channelSamples(depth, now))
    duplicates += depth.duplicates
  }
  samples.push({ name: 'dropr_duplicates_total', labels: { kind: 'id' }, value: duplicates })
  return samples
}

function channelSamples(depth: ChannelDepth, now: number): Sample[] {
  const { channel, oldestAt = now } = depth
  const labels = { channel }
  return [
    ...(['pending', 'leased', 'delayed', 'held'] as const).map(
      (state): Sample => ({ name: 'dropr_inbox_depth', labels: { channel, state }, value: depth[state] })
    ),
    { name: 'dropr_inbox_oldest_seconds', labels, value: Math.max(0, now - oldestAt) / 1_000 },
    { name: 'dropr_done_total', labels, value: depth.done },
    { name: 'dropr_dead_total', labels, value: depth.dead },
    { name: 'dropr_expired_total', labels, value: depth.expired },
    { name: 'dropr_attempts_failed_total', labels, value: depth.attemptsFailed }
  ]
}
