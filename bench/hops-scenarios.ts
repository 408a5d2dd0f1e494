import { median, type Result, type Scenario, type Stage } from './scenario.ts'
import { withTwoNodes } from './two-nodes.ts'
import type { UpNode } from './up.ts'
import { Worker } from './worker.ts'
import type { ConsumeJob } from './worker-consume.ts'
import type { SendJob } from './worker-send.ts'

/** What an entry has beside its body, about. */
const ENTRY_BYTES = 128
/** What both nodes write lies in the system's memory, and once more on its way through theirs. */
const COPIES = 3

interface Passage {
  channel: string
  messages: number
  bodyBytes: number
  perSecond?: number
  warmUp?: number
  /** Done when both processes are there, before the first send. */
  before?: () => Promise<unknown>
}

/** One passage of messages: a sending and a consuming process, started for it and gone after it. */
export async function passage<T>(a: UpNode, b: UpNode, way: Passage): Promise<{ firstAt: number; end: T }> {
  const { channel, messages, bodyBytes } = way
  const consume: ConsumeJob = {
    spool: b.spool,
    channel,
    messages,
    ...(way.warmUp === undefined ? {} : { warmUp: way.warmUp })
  }
  const send: SendJob = {
    spool: a.spool,
    to: b.name,
    channel,
    messages,
    bodyBytes,
    ...(way.perSecond ? { perSecond: way.perSecond } : {})
  }
  const consumer = new Worker('consume', consume)
  const sender = new Worker('send', send)
  try {
    await Promise.all([consumer.answer(), sender.answer()])
    await way.before?.()
    sender.go()
    const { firstAt } = await sender.answer<{ firstAt: number }>()
    return { firstAt, end: await consumer.answer<T>() }
  } finally {
    consumer.end()
    sender.end()
  }
}

/** From the first send to the last acknowledgement that is synced at the consumer's node. */
export function saturated(stage: Stage, job: { bodyBytes: number; usual: number }): Promise<Result> {
  const messages = stage.messages(job.usual)
  const name = `hops-${job.bodyBytes}`
  return withTwoNodes(stage, name, async (a, b) => {
    const rate = async (round: string, before = async () => {}) => {
      const way = { channel: `${name}-${round}`, messages, bodyBytes: job.bodyBytes, before }
      const { firstAt, end } = await passage<{ lastAckAt: number }>(a, b, way)
      return (messages / (end.lastAckAt - firstAt)) * 1000
    }
    if (!stage.tiny) await rate('first')
    const touched: number[] = []
    const fresh: number[] = []
    const pageUs: number[] = []
    for (let round = 0; round < stage.rounds; round++) {
      const before = async () => {
        pageUs.push(await touch(messages * (job.bodyBytes + ENTRY_BYTES) * COPIES))
      }
      touched.push(await rate(`touched-${round}`, before))
      fresh.push(await rate(`fresh-${round}`))
    }
    return { figures: { perSecond: median(touched), freshPerSecond: median(fresh), pageUs: median(pageUs) } }
  })
}

/**
 * Touches so much memory and lets it go. A virtual machine may get its memory from its host at the first touch: a page of it may take
 * 11 µs, and a message of 4 KiB that passes through two spools needs more than two.
 *
 * @returns What a page took, µs.
 */
async function touch(bytes: number): Promise<number> {
  const worker = new Worker('touch', { bytes })
  try {
    return (await worker.answer<{ pageUs: number }>()).pageUs
  } finally {
    worker.end()
  }
}

function latency(stage: Stage): Promise<Result> {
  const messages = stage.messages(10_000)
  const warmUp = Math.floor(messages / 10)
  return withTwoNodes(stage, 'hops-latency', async (a, b) => {
    const found: { p50Ms: number; p99Ms: number }[] = []
    for (let round = 0; round < stage.rounds; round++) {
      const way = { channel: `latency-${round}`, messages: messages + warmUp, bodyBytes: 256, perSecond: 1_000, warmUp }
      found.push((await passage<{ p50Ms: number; p99Ms: number }>(a, b, way)).end)
    }
    return { figures: { p50Ms: median(found.map(one => one.p50Ms)), p99Ms: median(found.map(one => one.p99Ms)) } }
  })
}

export const hopsScenarios: readonly Scenario[] = [
  {
    name: 'two-hops-256B-saturated',
    title:
      'two hops, saturated, 256 B: first send to last synced ack; sender, both nodes and consumer are processes of their own',
    targets: [{ figure: 'perSecond', unit: '/s', atLeast: 100_000, aim: 200_000 }],
    run: stage => saturated(stage, { bodyBytes: 256, usual: 400_000 })
  },
  {
    name: 'two-hops-4KiB-saturated',
    title: 'the same with 4 KiB, in memory that was touched before (`freshPerSecond`: in memory that was not)',
    targets: [{ figure: 'perSecond', unit: '/s', atLeast: 40_000 }],
    run: stage => saturated(stage, { bodyBytes: 4_096, usual: 100_000 })
  },
  {
    name: 'two-hops-256B-1000-a-second',
    title: 'two hops at 1,000/s: send called to handler entered',
    targets: [
      { figure: 'p50Ms', unit: 'ms p50', atMost: 1.5, aim: 0.7 },
      { figure: 'p99Ms', unit: 'ms p99', atMost: 15, aim: 5 }
    ],
    run: latency
  }
]
