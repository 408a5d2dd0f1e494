import { SCHEDULE_METRICS } from './schedule-metric-table.ts'

/** One number for monitoring, as /metrics shows it. docs/metrics.md is made of these rows. */
export interface MetricRow {
  kind: 'counter' | 'gauge' | 'histogram'
  /** Which daemon has it. */
  role: 'client' | 'server' | 'scheduler' | 'all'
  labels: readonly string[]
  help: string
  /** What becomes of series beyond the bound: added up in `(other)`, or the largest of them stands there. */
  fold?: 'sum' | 'max'
}

/** Names are for ever, as error codes are. Times are seconds, as Prometheus has them. */
export const METRICS = {
  dropr_info: {
    kind: 'gauge',
    role: 'server',
    labels: ['node', 'version'],
    help: 'Always 1: which node this is, and the version of dropr.'
  },
  dropr_healthy: {
    kind: 'gauge',
    role: 'server',
    labels: [],
    help: '1 when /health says ok: there is no work, or some of it gets done.'
  },
  dropr_client_up: {
    kind: 'gauge',
    role: 'server',
    labels: [],
    help: '1 when the client daemon answers the server; its rows are missing else.'
  },
  dropr_schedulers_up: {
    kind: 'gauge',
    role: 'server',
    labels: [],
    help: 'Shards of the schedule whose scheduler answers the server; their rows are missing else.'
  },
  dropr_sent_total: {
    kind: 'counter',
    role: 'client',
    labels: ['peer'],
    help: 'Messages found in the outbox since the client started, with those that waited then.'
  },
  dropr_delivered_total: {
    kind: 'counter',
    role: 'client',
    labels: ['peer'],
    help: 'Messages that the peer said are on its disk (or whose place it has, for refused and expired ones).'
  },
  dropr_refused_total: {
    kind: 'counter',
    role: 'client',
    labels: ['peer'],
    help: 'Messages that the peer refused for good: they are dead letters here.'
  },
  dropr_retried_total: {
    kind: 'counter',
    role: 'client',
    labels: ['peer'],
    help: 'Messages that were on the way in an upload that failed, and are sent again.'
  },
  dropr_uploads_total: {
    kind: 'counter',
    role: 'client',
    labels: ['peer', 'result'],
    help: 'Uploads, by result: ok or failed.'
  },
  dropr_upload_seconds: {
    kind: 'histogram',
    role: 'client',
    labels: [],
    help: 'From the begin of an upload to its answer, for those that were answered.'
  },
  dropr_outbox_depth: {
    kind: 'gauge',
    role: 'client',
    labels: ['peer', 'channel'],
    help: 'Messages that wait for the peer. Counted on the timed scan: up to scanMs old, five times that for a dead peer of which nothing is heard.'
  },
  dropr_outbox_oldest_seconds: {
    kind: 'gauge',
    role: 'client',
    labels: ['peer', 'channel'],
    help: 'Age of the oldest message that waits for the peer; 0 when none does.',
    fold: 'max'
  },
  dropr_outbox_bytes: {
    kind: 'gauge',
    role: 'client',
    labels: ['peer'],
    help: 'Bytes of the files that hold what waits for the peer.'
  },
  dropr_outbox_alarm: {
    kind: 'gauge',
    role: 'client',
    labels: ['peer'],
    help: '1 while what waits for the peer is older than backlogMsMax or larger than backlogBytesMax.',
    fold: 'max'
  },
  dropr_peer_failures: {
    kind: 'gauge',
    role: 'client',
    labels: ['peer'],
    help: 'Failures in a row since the last answer of the peer; from 3 on it counts as dead.',
    fold: 'max'
  },
  dropr_peer_last_ack_timestamp_seconds: {
    kind: 'gauge',
    role: 'client',
    labels: ['peer'],
    help: 'When the peer last said that it had stored something; 0 when never since the client started.',
    fold: 'max'
  },
  dropr_received_total: {
    kind: 'counter',
    role: 'server',
    labels: ['node'],
    help: 'Messages taken from another node by upload, by sender.'
  },
  dropr_duplicates_total: {
    kind: 'counter',
    role: 'server',
    labels: ['kind'],
    help: 'Messages dropped because they were here: by position (an upload repeated) or by id (sent again with its own id).'
  },
  dropr_upload_failures_total: {
    kind: 'counter',
    role: 'server',
    labels: ['code'],
    help: 'Uploads to this node that were not taken, by error code.'
  },
  dropr_inbox_depth: {
    kind: 'gauge',
    role: 'server',
    labels: ['channel', 'state'],
    help: 'Messages in the inbox that are not finished, by state: pending, leased, delayed, held.'
  },
  dropr_inbox_oldest_seconds: {
    kind: 'gauge',
    role: 'server',
    labels: ['channel'],
    help: 'Age of the oldest message that waits for a consumer; 0 when none does.',
    fold: 'max'
  },
  dropr_done_total: {
    kind: 'counter',
    role: 'server',
    labels: ['channel'],
    help: 'Messages that consumers acknowledged, as far back as the files of the channel went at start.'
  },
  dropr_dead_total: {
    kind: 'counter',
    role: 'server',
    labels: ['channel'],
    help: 'Messages given up or rejected by consumers: dead letters. As far back as dropr_done_total.'
  },
  dropr_expired_total: {
    kind: 'counter',
    role: 'server',
    labels: ['channel'],
    help: 'Messages that expired in the inbox. As far back as dropr_done_total.'
  },
  dropr_attempts_failed_total: {
    kind: 'counter',
    role: 'server',
    labels: ['channel'],
    help: 'Failed attempts of consumers after which a message waits to be handed out again.'
  },
  dropr_consumers: {
    kind: 'gauge',
    role: 'server',
    labels: [],
    help: 'Consumers that are attached to the inbox: queues that poll or consume, workers, who takes by HTTP counted as one.'
  },
  dropr_parked_bytes: {
    kind: 'gauge',
    role: 'server',
    labels: [],
    help: 'Uploads that arrived before their turn, held in memory.'
  },
  dropr_free_bytes: {
    kind: 'gauge',
    role: 'server',
    labels: [],
    help: 'Free space of the file system that holds the spool, for this user.'
  },
  ...SCHEDULE_METRICS,
  dropr_sync_seconds: {
    kind: 'histogram',
    role: 'all',
    labels: ['role'],
    help: 'Time of one commit to the disk: write and sync, for all that share it.'
  },
  process_resident_memory_bytes: {
    kind: 'gauge',
    role: 'all',
    labels: ['role'],
    help: 'Resident memory of the daemon.'
  },
  process_cpu_seconds_total: {
    kind: 'counter',
    role: 'all',
    labels: ['role'],
    help: 'CPU time of the daemon, user and system.'
  },
  process_start_time_seconds: {
    kind: 'gauge',
    role: 'all',
    labels: ['role'],
    help: 'When the daemon started, Unix time.'
  }
} as const satisfies Record<string, MetricRow>

export type MetricName = keyof typeof METRICS
