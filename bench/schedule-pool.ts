import { interleaved, RATIO, type Result, type Scenario, type Stage } from './scenario.ts'
import { handedOver, withSender } from './schedule-stage.ts'
import { Worker } from './worker.ts'
import type { SchedulerJob } from './worker-scheduler.ts'

const BODY = 'x'.repeat(256)
const EARLIER_MS = 1_000

/**
 * Row H10 of the inventory: as many schedulers as shards, each a process; until the last message is in the outbox. Each has handed
 * over as many before, one second earlier: what has just begun to run is slower, and four begin side by side.
 */
function shardedBurst(stage: Stage): Promise<Result> {
  const messages = stage.messages(50_000)
  const before = stage.messages(10_000)
  let round = 0
  const burst = (shards: number) => () =>
    withSender(
      stage.folder,
      `burst-${shards}-${round++}`,
      async sender => {
        const job: SchedulerJob = { place: sender.spool.path, shards, share: 1 }
        const pool = Array.from({ length: shards }, () => new Worker('scheduler', job))
        try {
          await Promise.all(pool.map(worker => worker.answer()))
          const due = Date.now() + (stage.tiny ? 2_000 : 8_000)
          const all = messages + before * shards
          await sender.all({ messages, inFlight: 512 }, () => sender.later(BODY, due))
          await sender.all({ messages: before * shards, inFlight: 512 }, () => sender.later(BODY, due - EARLIER_MS))
          await new Promise(resolve => setTimeout(resolve, due - Date.now()))
          let found = await handedOver(sender)
          while (found.length < all) {
            await new Promise(resolve => setTimeout(resolve, 250))
            found = await handedOver(sender)
          }
          for (const worker of pool) worker.go()
          const fired = await Promise.all(pool.map(worker => worker.answer<{ fired: number }>()))
          const sum = fired.reduce((total, each) => total + each.fired, 0)
          if (found.length !== all || sum !== all) throw new Error(`${found.length} of ${all} went`)
          const last = found.reduce((max, { at }) => Math.max(max, at), due + 1)
          return (messages / (last - due)) * 1_000
        } finally {
          for (const worker of pool) worker.end()
        }
      },
      shards
    )
  return interleaved(stage.rounds, burst(4), burst(1)).then(found => ({
    figures: { perSecond: found.ours },
    floor: { perSecond: found.floor },
    ratio: found.ratio
  }))
}

export const schedulePool: Scenario = {
  name: 'schedule-50000-at-once-4-shards',
  title: 'H10: 50,000 due at one instant, four shards with a scheduler process each beside one',
  targets: [{ figure: RATIO, unit: '× one shard', atLeast: 1.2, aim: 3 }],
  run: shardedBurst
}
