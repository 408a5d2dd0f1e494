import { Scheduler } from '../src/scheduler/index.ts'
import { openSpool } from './schedule-stage.ts'
import { tell, told } from './worker.ts'

export interface SchedulerJob {
  place: string
  shards: number
  /** How many this process is to work on before it says that it is ready. */
  share: number
}

/** One scheduler of a pool, until the bench says go; then how many messages it handed over. */
// Neither locks nor sockets of ours keep a process alive.
const awake = setInterval(() => undefined, 1_000)
const job: SchedulerJob = JSON.parse(process.argv[2]!)
const scheduler = await Scheduler.start({ spool: await openSpool(job.place), shards: job.shards })
while (scheduler.status().shards.length !== job.share) await new Promise(resolve => setTimeout(resolve, 50))
tell({ ready: true })
await told()
const fired = scheduler.status().shards.reduce((sum, shard) => sum + shard.fired, 0)
await scheduler.close()
tell({ fired })
clearInterval(awake)
