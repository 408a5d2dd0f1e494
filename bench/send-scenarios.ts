import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { openQueue, type Queue } from '../src/index.ts'
import { bareLoop } from './floor.ts'
import { interleaved, median, perSecond, RATIO, type Result, type Scenario, type Stage } from './scenario.ts'
import { Worker } from './worker.ts'
import type { SendJob } from './worker-send.ts'

/** To a peer that is not there: what is measured is the way to the outbox, and nobody reads it meanwhile. */
export const ABSENT = 'absent'

/** A queue on a new spool, for the time of `use`. */
export async function withQueue<T>(
  stage: Stage,
  name: string,
  use: (queue: Queue, spool: string) => Promise<T>
): Promise<T> {
  const spool = path.join(stage.folder, name)
  mkdirSync(spool, { mode: 0o700 })
  const peers = { [ABSENT]: { url: 'http://127.0.0.1:9' } }
  writeFileSync(path.join(spool, 'dropr.json'), JSON.stringify({ peers }), { mode: 0o600 })
  const queue = await openQueue({ spool })
  try {
    return await use(queue, spool)
  } finally {
    await queue.close()
    rmSync(spool, { recursive: true, force: true })
  }
}

/** `inFlight` callers, each sending its next message when its last one is safe. Resolves with the number sent. */
export async function sendAll(
  queue: Queue,
  job: {
    messages: number
    inFlight: number
    body: string
    to?: string
    durability?: 'buffered'
    channels?: readonly string[]
  }
): Promise<number> {
  const { channels = ['bench'] } = job
  const options = channels.map(channel => ({
    channel,
    ...(job.to ? { to: job.to } : {}),
    ...(job.durability ? { durability: job.durability } : {})
  }))
  let sent = 0
  const caller = async () => {
    while (sent < job.messages) await queue.sendMessage(job.body, options[sent++ % options.length]!)
  }
  await Promise.all(Array.from({ length: job.inFlight }, caller))
  return sent
}

function durableSend(stage: Stage, job: { inFlight: number; bodyBytes: number; usual: number }): Promise<Result> {
  const messages = stage.messages(job.usual)
  const body = 'x'.repeat(job.bodyBytes)
  return withQueue(stage, `send-${job.inFlight}`, async queue => {
    const ours = () => perSecond(() => sendAll(queue, { messages, inFlight: job.inFlight, body, to: ABSENT }))
    const floor = () => bareLoop(stage.folder, { messages, inFlight: job.inFlight, bodyBytes: job.bodyBytes })
    const found = await interleaved(stage.rounds, ours, floor)
    return { figures: { perSecond: found.ours }, floor: { perSecond: found.floor }, ratio: found.ratio }
  })
}

/** In a process of its own: how many file calls Node.js makes at once is settled when a process starts. */
function overChannels(stage: Stage): Promise<Result> {
  const messages = stage.messages(20_000)
  return withQueue(stage, 'send-channels', async (_, spool) => {
    const rate = async (env: Record<string, string>) => {
      const job: SendJob = {
        spool,
        to: ABSENT,
        channel: 'channel',
        channels: 1_000,
        messages,
        before: stage.tiny ? 1 : messages,
        bodyBytes: 256,
        inFlight: 512
      }
      const sender = new Worker('send', job, env)
      try {
        await sender.answer()
        sender.go()
        const { firstAt, lastAt } = await sender.answer<{ firstAt: number; lastAt: number }>()
        return (messages / (lastAt - firstAt)) * 1_000
      } finally {
        sender.end()
      }
    }
    const many: number[] = []
    const four: number[] = []
    for (let round = 0; round < stage.rounds; round++) {
      many.push(await rate({ UV_THREADPOOL_SIZE: '32' }))
      four.push(await rate({ UV_THREADPOOL_SIZE: '4' }))
    }
    return { figures: { perSecond: median(many), fourThreadsPerSecond: median(four) } }
  })
}

export const sendScenarios: readonly Scenario[] = [
  {
    name: 'send-256B-1-in-flight',
    title: 'durable send, one at a time',
    targets: [{ figure: RATIO, unit: 'of the bare loop', atLeast: 0.8, aim: 1 }],
    run: stage => durableSend(stage, { inFlight: 1, bodyBytes: 256, usual: 5_000 })
  },
  {
    name: 'send-256B-64-in-flight',
    title: 'durable send, 64 in flight',
    targets: [
      { figure: RATIO, unit: 'of the bare loop', atLeast: 0.5, aim: 0.8 },
      { figure: 'perSecond', unit: '/s', atLeast: 100_000 }
    ],
    run: stage => durableSend(stage, { inFlight: 64, bodyBytes: 256, usual: 200_000 })
  },
  {
    name: 'send-256B-1024-in-flight',
    title: 'durable send, 1,024 in flight',
    targets: [{ figure: 'perSecond', unit: '/s', atLeast: 300_000, aim: 500_000 }],
    run: stage => durableSend(stage, { inFlight: 1_024, bodyBytes: 256, usual: 500_000 })
  },
  {
    name: 'send-256B-512-in-flight-1000-channels',
    title:
      'durable send, 512 in flight over 1,000 channels, with UV_THREADPOOL_SIZE=32 (`fourThreadsPerSecond`: as Node.js starts)',
    targets: [{ figure: 'perSecond', unit: '/s', atLeast: 10_000, aim: 20_000 }],
    run: overChannels
  }
]
