import type { Counts, Sample } from '../system/metrics.ts'
import { LATENESS_SECONDS, type Lateness } from './lateness.ts'
import type { SchedulerStatus } from './scheduler.ts'

/** What Prometheus is told of a scheduler, from what its status says. */
export function schedulerSamples({ shards }: Pick<SchedulerStatus, 'shards'>, now: number): Sample[] {
  return shards.flatMap(({ shard, held, near, due, nextDueAt = now, fired, late, promoted, failures }): Sample[] => {
    const labels = { shard: String(shard) }
    return [
      { name: 'dropr_schedule_held', labels, value: held },
      { name: 'dropr_schedule_near', labels, value: near },
      { name: 'dropr_schedule_due', labels, value: due },
      { name: 'dropr_schedule_overdue_seconds', labels, value: Math.max(0, now - nextDueAt) / 1_000 },
      { name: 'dropr_schedule_fired_total', labels, value: fired },
      { name: 'dropr_schedule_late_total', labels, value: late },
      { name: 'dropr_schedule_promoted_total', labels, value: promoted },
      { name: 'dropr_schedule_failures_total', labels, value: failures }
    ]
  })
}

export function latenessCounts(shards: readonly { shard: number; lateness: Lateness }[]): Counts[] {
  return shards.map(({ shard, lateness: { counts, seconds } }) => {
    const name = 'dropr_schedule_lateness_seconds'
    return { name, labels: { shard: String(shard) }, bounds: LATENESS_SECONDS, counts, seconds }
  })
}
