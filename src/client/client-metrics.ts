import type { Sample } from '../system/metrics.ts'
import type { ClientStatus, PeerStatus } from './client-status.ts'

/** What Prometheus is told of a client, from what its status says. */
export function clientSamples(status: Pick<ClientStatus, 'peers'>, now: number): Sample[] {
  return status.peers.flatMap(peer => peerSamples(peer, now))
}

function peerSamples(status: PeerStatus, now: number): Sample[] {
  const { name: peer, acked, refused, failures, backlog, traffic } = status
  const labels = { peer }
  const samples: Sample[] = [
    { name: 'dropr_sent_total', labels, value: acked + (backlog?.depth ?? 0) },
    { name: 'dropr_delivered_total', labels, value: acked },
    { name: 'dropr_refused_total', labels, value: refused },
    { name: 'dropr_peer_failures', labels, value: failures },
    { name: 'dropr_outbox_bytes', labels, value: backlog?.bytes ?? 0 },
    { name: 'dropr_outbox_alarm', labels, value: backlog?.alarm === undefined ? 0 : 1 }
  ]
  if (traffic !== undefined)
    samples.push(
      { name: 'dropr_retried_total', labels, value: traffic.retried },
      { name: 'dropr_uploads_total', labels: { peer, result: 'ok' }, value: traffic.uploads },
      { name: 'dropr_uploads_total', labels: { peer, result: 'failed' }, value: traffic.uploadsFailed },
      { name: 'dropr_peer_last_ack_timestamp_seconds', labels, value: (traffic.lastAckAt ?? 0) / 1_000 }
    )
  for (const { channel, depth, oldestAt } of backlog?.channels ?? [])
    samples.push(
      { name: 'dropr_outbox_depth', labels: { peer, channel }, value: depth },
      {
        name: 'dropr_outbox_oldest_seconds',
        labels: { peer, channel },
        value: Math.max(0, now - oldestAt) / 1_000
      }
    )
  return samples
}
