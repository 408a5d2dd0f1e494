import path from 'node:path'
import { openQueue, type Queue } from '../src/index.ts'
import { interleaved, percentile, RATIO, type Result, type Scenario, type Stage } from './scenario.ts'
import { freePort, UpNode } from './up.ts'
import { Worker, wallMs } from './worker.ts'
import type { Claimed, ClaimJob } from './worker-claim.ts'

const BODY = 'x'.repeat(256)
const BATCH = 1_000
const BEFORE = 1_000

/** Rows J5 and J6 of the inventory: processes that take from one channel, through the server that owns it. */
async function claims(stage: Stage): Promise<Result> {
  const spool = path.join(stage.folder, 'claims')
  const node = await UpNode.start({ name: 'bench', spool, port: await freePort() })
  try {
    await using queue = await openQueue({ spool })
    let round = 0
    const each = stage.tiny ? 20 : BEFORE
    const claimed = async (processes: number, messages: number, max: number) => {
      const channel = `round-${round++}`
      const before = { channel: `${channel}-before`, messages: each }
      await fill(node, queue, before.channel, each * processes)
      await fill(node, queue, channel, messages)
      return await claimAll({ spool, channel, max, before }, processes)
    }
    const rate = async (processes: number, messages: number) => {
      const all = await claimed(processes, messages, 1)
      return (messages / (Math.max(...all.claimed.map(({ endedAt }) => endedAt)) - all.beganAt)) * 1_000
    }
    const messages = stage.messages(32_000)
    const found = await interleaved(
      stage.rounds,
      () => rate(8, messages),
      // As many for each process.
      () => rate(1, Math.ceil(messages / 8))
    )
    const blocks = await claimed(4, stage.messages(40_000), 50)
    const waits = blocks.claimed.flatMap(({ claimMs }) => claimMs).sort((a, b) => a - b)
    return {
      figures: { perSecond: found.ours, blockP99Ms: percentile(waits, 0.99) },
      floor: { perSecond: found.floor },
      ratio: found.ratio
    }
  } finally {
    await node.stop()
  }
}

async function fill(node: UpNode, queue: Queue, channel: string, messages: number): Promise<void> {
  const had = await node.depth()
  for (let sent = 0; sent < messages; sent += BATCH) {
    const bodies = Array.from({ length: Math.min(BATCH, messages - sent) }, () => BODY)
    await queue.sendMessages(bodies, { channel, durability: 'buffered' })
  }
  while ((await node.depth()) < had + messages) await new Promise(resolve => setTimeout(resolve, 10))
}

async function claimAll(job: ClaimJob, processes: number): Promise<{ beganAt: number; claimed: Claimed[] }> {
  const workers = Array.from({ length: processes }, () => new Worker('claim', job))
  try {
    await Promise.all(workers.map(worker => worker.answer()))
    const beganAt = wallMs()
    for (const worker of workers) worker.go()
    return { beganAt, claimed: await Promise.all(workers.map(worker => worker.answer<Claimed>())) }
  } finally {
    for (const worker of workers) worker.end()
  }
}

export const claimScenarios: readonly Scenario[] = [
  {
    name: 'j6-claims-8-processes',
    title:
      'J6: claim one, acknowledge it (synced), claim the next: 8 processes beside one; J5: blocks of 50, 4 processes',
    targets: [
      { figure: RATIO, unit: '× one process', atLeast: 4 },
      { figure: 'blockP99Ms', unit: 'ms p99 for a block of 50', atMost: 5 }
    ],
    run: claims
  }
]
