import { readFileSync, rmSync } from 'node:fs'
import { Scheduler } from '../src/scheduler/index.ts'
import {
  interleaved,
  median,
  percentile,
  perSecond,
  RATIO,
  type Result,
  type Scenario,
  type Stage
} from './scenario.ts'
import { schedulePool } from './schedule-pool.ts'
import { DAY_MS, handedOver, holdInBulk, withSender } from './schedule-stage.ts'
import { ABSENT, withQueue } from './send-scenarios.ts'
import { Worker } from './worker.ts'
import type { HeldJob } from './worker-held.ts'

const BODY = 'x'.repeat(256)
const MIB = 1_048_576

async function until(isDone: () => boolean, msMax: number): Promise<void> {
  for (const end = performance.now() + msMax; !isDone(); ) {
    if (performance.now() > end) throw new Error(`not done after ${msMax} ms`)
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}

const firedBy = (scheduler: Scheduler) => scheduler.status().shards.reduce((sum, { fired }) => sum + fired, 0)

async function scheduling(stage: Stage): Promise<Result> {
  const messages = stage.messages(100_000)
  return withQueue(stage, 'scheduling', async queue => {
    const begin = Date.now() + DAY_MS
    const all = async (send: (n: number) => Promise<unknown>) => {
      let sent = 0
      const caller = async () => {
        while (sent < messages) await send(sent++)
      }
      await Promise.all(Array.from({ length: 512 }, caller))
      return sent
    }
    const dueAt = (n: number) => begin + Math.floor((n / messages) * 30 * DAY_MS)
    const found = await interleaved(
      stage.rounds,
      () => perSecond(() => all(n => queue.sendMessage(BODY, { to: ABSENT, channel: 'bench', deliverAt: dueAt(n) }))),
      () => perSecond(() => all(() => queue.sendMessage(BODY, { to: ABSENT, channel: 'bench' })))
    )
    return { figures: { perSecond: found.ours }, floor: { perSecond: found.floor }, ratio: found.ratio }
  })
}

/** Scheduled ahead, spread over one second; late is what the outbox's frames say, to the whole ms, and the sync after it. */
async function withinASecond(stage: Stage): Promise<Result> {
  const messages = stage.messages(10_000)
  const p50: number[] = []
  const p99: number[] = []
  let early = 0
  for (let round = 0; round < stage.rounds; round++) {
    await withSender(stage.folder, `second-${round}`, async sender => {
      const late: number[] = []
      const scheduler = await Scheduler.start({ spool: sender.spool })
      const begin = Date.now() + 3_000
      await sender.all({ messages, inFlight: 512 }, n => sender.later(BODY, begin + Math.floor((n / messages) * 1_000)))
      await until(() => firedBy(scheduler) >= messages, 30_000)
      await scheduler.close()
      for (const { due, at } of await handedOver(sender)) late.push(at - due)
      late.sort((a, b) => a - b)
      early += late.filter(ms => ms < 0).length
      p50.push(percentile(late, 0.5))
      p99.push(percentile(late, 0.99))
    })
  }
  return { figures: { p50Ms: median(p50), p99Ms: median(p99), early } }
}

async function sameInstant(stage: Stage): Promise<Result> {
  const messages = stage.messages(100_000)
  const all: number[] = []
  for (let round = 0; round < stage.rounds; round++) {
    await withSender(stage.folder, `instant-${round}`, async sender => {
      const scheduler = await Scheduler.start({ spool: sender.spool })
      const due = Date.now() + 8_000
      await sender.all({ messages, inFlight: 512 }, n => sender.later(String(n).padEnd(256, '.'), due))
      await until(() => firedBy(scheduler) >= messages, 60_000)
      await scheduler.close()
      const found = await handedOver(sender)
      const numbers = found.map(({ body }) => Number.parseInt(body, 10))
      if (numbers.some((n, i) => n !== i)) throw new Error('the order was not kept')
      all.push(Math.max(...found.map(({ at }) => at)) - due)
    })
  }
  return { figures: { allMs: median(all) } }
}

function rssMiB(): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'latin1'))![1]) / 1_024
}

async function millionsHeld(stage: Stage): Promise<Result> {
  const messages = stage.messages(10_000_000)
  return withSender(stage.folder, 'held', async sender => {
    const fromMs = Date.now() + DAY_MS
    const ids = await holdInBulk(sender, { messages, days: 30, body: 'x'.repeat(64), fromMs })
    // In a process of its own: what making ten million takes is not what holding them takes.
    const job: HeldJob = { place: sender.spool.path, listFrom: fromMs + 10 * DAY_MS, ids: ids.slice(0, 20) }
    const worker = new Worker('held', job)
    try {
      return { figures: await worker.answer<Record<string, number>>() }
    } finally {
      worker.end()
    }
  })
}

async function overdue(stage: Stage): Promise<Result> {
  const messages = stage.messages(1_000_000)
  return withSender(stage.folder, 'overdue', async sender => {
    await holdInBulk(sender, { messages, days: 2, body: BODY, fromMs: Date.now() - 3 * DAY_MS })
    const startedAt = performance.now()
    let firstMs = 0
    const poke = () => {
      firstMs ||= performance.now() - startedAt
    }
    const scheduler = await Scheduler.start({ spool: sender.spool, poke })
    await until(() => firedBy(scheduler) >= messages, 300_000)
    const seconds = (performance.now() - startedAt) / 1_000
    await scheduler.close()
    rmSync(`${sender.spool.path}/outbox`, { recursive: true, force: true })
    return { figures: { firstMs, perSecond: messages / seconds, rssMiB: rssMiB() } }
  })
}

async function memoryHeld(stage: Stage): Promise<Result> {
  const messages = stage.messages(500_000)
  return withSender(stage.folder, 'memory', async sender => {
    const scheduler = await Scheduler.start({ spool: sender.spool })
    const begin = Date.now() + 2 * DAY_MS
    let heldMessages = 0
    const hold = async () => {
      const send = () => sender.later(BODY, begin + Math.floor(Math.random() * 30 * DAY_MS))
      await sender.all({ messages, inFlight: 512 }, send)
      heldMessages += messages
      await until(() => scheduler.status().shards[0]!.held >= heldMessages, 120_000)
      await new Promise(resolve => setTimeout(resolve, 9_000))
      global.gc?.()
      return process.memoryUsage().heapUsed + process.memoryUsage().external
    }
    const before = await hold()
    const after = await hold()
    await scheduler.close()
    return { figures: { mibPer100000: Math.max(0, after - before) / MIB / (messages / 100_000) } }
  })
}

export const scheduleScenarios: readonly Scenario[] = [
  {
    name: 'schedule-256B-512-in-flight-30-days',
    title: 'scheduling, durable, 512 in flight, spread over 30 days; beside it the plain send',
    targets: [{ figure: RATIO, unit: 'of the plain send', atLeast: 0.8, aim: 1 }],
    run: scheduling
  },
  {
    name: 'schedule-10000-due-in-one-second',
    title: '10,000 due within one second: lateness at the outbox',
    targets: [
      { figure: 'p50Ms', unit: 'ms p50', atMost: 2 },
      { figure: 'p99Ms', unit: 'ms p99', atMost: 10, aim: 3 },
      { figure: 'early', unit: 'early', atMost: 0 }
    ],
    run: withinASecond
  },
  {
    name: 'schedule-100000-due-at-once',
    title: '100,000 due at the same instant: until the last is in the outbox, in order',
    targets: [{ figure: 'allMs', unit: 'ms', atMost: 1_000, aim: 500 }],
    run: sameInstant
  },
  schedulePool,
  {
    name: 'schedule-memory-100000-held',
    title: 'memory per 100,000 held beyond the near window',
    targets: [{ figure: 'mibPer100000', unit: 'MiB', atMost: 1, aim: 0 }],
    run: memoryHeld
  },
  {
    name: 'schedule-10000000-held',
    title: '10,000,000 held: start, tick, a page of the list, cancel by id',
    targets: [
      { figure: 'startMs', unit: 'ms start', atMost: 2_000 },
      { figure: 'tickMs', unit: 'ms tick', atMost: 50, aim: 10 },
      { figure: 'listMs', unit: 'ms list', atMost: 50, aim: 10 },
      { figure: 'cancelMs', unit: 'ms cancel', atMost: 50, aim: 10 },
      { figure: 'rssMiB', unit: 'MiB RSS', atMost: 150 }
    ],
    run: millionsHeld
  },
  {
    name: 'schedule-restart-1000000-overdue',
    title: 'restart with 1,000,000 overdue: first hand-over, then the catch-up rate (50,000/s by default)',
    targets: [{ figure: 'firstMs', unit: 'ms to the first', atMost: 1_000 }],
    run: overdue
  }
]
