import type { Scheduler } from '../scheduler/index.ts'
import { Owner } from '../server/owner.ts'
import type { Config } from '../spool/config.ts'
import { scheduleOf } from '../spool/schedule-config.ts'
import type { Spool } from '../spool/spool.ts'
import { Poker } from './poke.ts'

/** A scheduler that tells the client, or for this node the inbox's owner, what it has handed over. */
export async function startScheduler(
  spool: Spool,
  config: Config
): Promise<Pick<Scheduler, 'status'> & { close(): Promise<void> }> {
  const { Scheduler } = await import('../scheduler/index.ts')
  const { system, run, node } = spool
  const { levels, shards } = scheduleOf(config)
  const poker = new Poker({ system, run, node, here: () => Owner.here(spool) })
  const scheduler = await Scheduler.start({ spool, levels, shards, poke: hint => poker.poke(hint) })
  return {
    status: () => scheduler.status(),
    close: () => scheduler.close().finally(() => poker.close())
  }
}

export type RunningScheduler = Awaited<ReturnType<typeof startScheduler>>
