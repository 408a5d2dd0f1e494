import type { Scheduler } from '../scheduler/index.ts'
import type { Config } from '../spool/config.ts'
import { scheduleOf } from '../spool/schedule-config.ts'
import type { Spool } from '../spool/spool.ts'
import { Poker, type PokerOptions } from './poke.ts'

/**
 * A scheduler that tells the client, or for this node the inbox's owner, what it has handed over, and monitoring how it goes.
 *
 * @param here The inbox's owner, if it is in this process: it is told without a socket.
 */
export async function startScheduler(
  spool: Spool,
  config: Config,
  here: PokerOptions['here'] = () => undefined
): Promise<Pick<Scheduler, 'status'> & { close(): Promise<void> }> {
  const [{ Scheduler, latenessCounts, schedulerSamples }, { Metrics }, { watchCommits }] = await Promise.all([
    import('../scheduler/index.ts'),
    import('../system/metrics.ts'),
    import('../system/watched-commits.ts')
  ])
  const { system, run, node, path } = spool
  const { levels, shards } = scheduleOf(config)
  const poker = new Poker({ system, run, node, here })
  let scheduler: Scheduler | undefined
  const metrics = new Metrics({
    role: 'scheduler',
    collect: () => schedulerSamples(scheduler?.status() ?? { shards: [] }, system.clock.now()),
    counts: () => latenessCounts(scheduler?.lateness ?? [])
  })
  const unwatch = watchCommits(metrics, path)
  const end = () => {
    unwatch()
    poker.close()
  }
  try {
    const poke = poker.poke.bind(poker)
    const started = await Scheduler.start({ spool, levels, shards, poke, metrics: () => metrics.json() })
    scheduler = started
    return { status: () => started.status(), close: () => started.close().finally(end) }
  } catch (error) {
    end()
    throw error
  }
}

export type RunningScheduler = Awaited<ReturnType<typeof startScheduler>>
