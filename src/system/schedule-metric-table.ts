import type { MetricRow } from './metric-table.ts'

/** What a scheduler has. */
export const SCHEDULE_METRICS = {
  dropr_schedule_held: {
    kind: 'gauge',
    role: 'scheduler',
    labels: ['shard'],
    help: 'Messages for later that wait in buckets.'
  },
  dropr_schedule_near: {
    kind: 'gauge',
    role: 'scheduler',
    labels: ['shard'],
    help: 'Those of them that are in segments from which messages just go out.'
  },
  dropr_schedule_due: {
    kind: 'gauge',
    role: 'scheduler',
    labels: ['shard'],
    help: 'Messages that are due and not yet handed over, as far as they have been read: up to 16,384.'
  },
  dropr_schedule_overdue_seconds: {
    kind: 'gauge',
    role: 'scheduler',
    labels: ['shard'],
    help: 'How long ago the first message that still waits was due; 0 when none is overdue.',
    fold: 'max'
  },
  dropr_schedule_fired_total: {
    kind: 'counter',
    role: 'scheduler',
    labels: ['shard'],
    help: 'Messages handed over to the outbox.'
  },
  dropr_schedule_late_total: {
    kind: 'counter',
    role: 'scheduler',
    labels: ['shard'],
    help: 'Those of them that went more than a second after they were due.'
  },
  dropr_schedule_lateness_seconds: {
    kind: 'histogram',
    role: 'scheduler',
    labels: ['shard'],
    help: 'How long after it was due a message was handed over, by the wall clock.'
  },
  dropr_schedule_promoted_total: {
    kind: 'counter',
    role: 'scheduler',
    labels: ['shard'],
    help: 'Segments of coarse buckets that were moved into finer ones.'
  },
  dropr_schedule_failures_total: {
    kind: 'counter',
    role: 'scheduler',
    labels: ['shard'],
    help: 'Hand-overs that failed and are tried again.'
  }
} as const satisfies Record<string, MetricRow>
