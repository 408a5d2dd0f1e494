import { Poker } from '../../../src/queue/poke.ts'
import { Scheduler } from '../../../src/scheduler/index.ts'
import { Owner } from '../../../src/server/owner.ts'
import { scheduleOf } from '../../../src/spool/schedule-config.ts'
import type { Program } from '../seat.ts'

/** The scheduler daemon; several of them share the shards. */
export function schedulerProgram(): Program {
  return async (process, { site }) => {
    const spool = await site.openSpool(process)
    const { run, node } = spool
    const { levels, shards } = scheduleOf(site.config)
    const poker = new Poker({ system: process, run, node, here: () => Owner.here(spool) })
    const scheduler = await Scheduler.start({ spool, levels, shards, poke: hint => poker.poke(hint) })
    site.schedulers.push(scheduler)
    return { close: () => scheduler.close().finally(() => poker.close()) }
  }
}
