import { readFileSync } from 'node:fs'
import { Schedule, Scheduler } from '../src/scheduler/index.ts'
import { median } from './scenario.ts'
import { openSpool } from './schedule-stage.ts'
import { tell } from './worker.ts'

export interface HeldJob {
  place: string
  /** Where a page of the list begins, wall ms. */
  listFrom: number
  ids: string[]
}

function rssMiB(): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'latin1'))![1]) / 1_024
}

async function timed(act: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await act()
  return performance.now() - startedAt
}

/* A scheduler on what somebody else has put there: started, asked, weighed. */
const job: HeldJob = JSON.parse(process.argv[2]!)
const spool = await openSpool(job.place)
const startedAt = performance.now()
const scheduler = await Scheduler.start({ spool })
const startMs = performance.now() - startedAt
const schedule = new Schedule({ spool })
const tickMs = await timed(() => schedule.tick())
const listMs = await timed(() => schedule.list({ from: job.listFrom, limit: 50 }))
const cancelMs: number[] = []
for (const id of job.ids) {
  cancelMs.push(
    await timed(async () => {
      if (!(await schedule.cancel(id)).done) throw new Error('a held message was not found')
    })
  )
}
const rss = rssMiB()
await scheduler.close()
tell({ startMs, tickMs, listMs, cancelMs: median(cancelMs), cancelMsMost: Math.max(...cancelMs), rssMiB: rss })
