import { rmSync } from 'node:fs'
import path from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { openQueue, type Queue } from '../src/index.ts'
import { interleaved, percentile, RATIO, type Result, type Scenario, type Stage } from './scenario.ts'
import { freePort, UpNode } from './up.ts'
import { Worker, wallMs } from './worker.ts'
import type { Claimed, ClaimJob } from './worker-claim.ts'

const BODY = 'x'.repeat(256)
const BATCH = 1_000
/** A process claims and acknowledges so many one by one before it is measured: what has just begun to run is slower. */
const BEFORE = 4_000
const BEFORE_BLOCKS = 1_000
const PROCESSES = 8
const BLOCK_PROCESSES = 4
const LOOK_MS = 1

/** A spool with a node on it, and a sender. */
async function withNode(stage: Stage, use: (node: UpNode, queue: Queue) => Promise<Result>): Promise<Result> {
  const spool = path.join(stage.folder, 'claims')
  const node = await UpNode.start({ name: 'bench', spool, port: await freePort(), roles: ['server'] })
  try {
    await using queue = await openQueue({ spool })
    return await use(node, queue)
  } finally {
    await node.stop()
    rmSync(spool, { recursive: true, force: true })
  }
}

/** Row J6 of the inventory: processes that take from one channel, through the server that owns it. The same ones in each round. */
function oneByOne(stage: Stage): Promise<Result> {
  return withNode(stage, async (node, queue) => {
    using claimers = await Claimers.start({ spool: node.spool, max: 1 }, PROCESSES)
    let round = 0
    const rate = async (processes: number, messages: number) => {
      const channel = `round-${round++}`
      await fill(node, queue, channel, messages)
      const { beganAt, claimed } = await claimers.claim(channel, processes)
      return (messages / (Math.max(...claimed.map(({ endedAt }) => endedAt)) - beganAt)) * 1_000
    }
    await rate(PROCESSES, stage.messages(BEFORE * PROCESSES))
    const messages = stage.messages(32_000)
    const found = await interleaved(
      stage.rounds,
      () => rate(PROCESSES, messages),
      // As many for each process.
      () => rate(1, Math.ceil(messages / PROCESSES))
    )
    return { figures: { perSecond: found.ours }, floor: { perSecond: found.floor }, ratio: found.ratio }
  })
}

/**
 * Row J5 of the inventory: blocks of 50 to four processes. There is no lock: a claim keeps others only while the owner is busy with
 * it. So this process owns the inbox, and measures for how long it hears nobody; and how long a claim takes, its mark synced.
 */
function blocks(stage: Stage): Promise<Result> {
  return withNode(stage, async (node, queue) => {
    await fill(node, queue, 'blocks-before', stage.messages(BEFORE_BLOCKS * BLOCK_PROCESSES))
    await fill(node, queue, 'blocks', stage.messages(40_000))
    await node.stop()
    // Whoever asks first when nobody owns the inbox becomes its owner.
    await queue.poll({ channel: 'nothing' })
    using claimers = await Claimers.start({ spool: node.spool, max: 50 }, BLOCK_PROCESSES)
    await claimers.claim('blocks-before', BLOCK_PROCESSES)
    const busy = monitorEventLoopDelay({ resolution: LOOK_MS })
    busy.enable()
    const { claimed } = await claimers.claim('blocks', BLOCK_PROCESSES)
    busy.disable()
    const waits = claimed.flatMap(({ claimMs }) => claimMs).sort((a, b) => a - b)
    const busyP99Ms = Math.max(0, busy.percentile(99) / 1e6 - LOOK_MS)
    return { figures: { busyP99Ms, claimP99Ms: percentile(waits, 0.99) } }
  })
}

async function fill(node: UpNode, queue: Queue, channel: string, messages: number): Promise<void> {
  const had = await node.depth()
  for (let sent = 0; sent < messages; sent += BATCH) {
    const bodies = Array.from({ length: Math.min(BATCH, messages - sent) }, () => BODY)
    await queue.sendMessages(bodies, { channel, durability: 'buffered' })
  }
  while ((await node.depth()) < had + messages) await new Promise(resolve => setTimeout(resolve, 10))
}

/** Processes that claim from one channel after the other. */
class Claimers implements Disposable {
  readonly #workers: readonly Worker[]

  private constructor(workers: readonly Worker[]) {
    this.#workers = workers
  }

  static async start(job: ClaimJob, processes: number): Promise<Claimers> {
    const claimers = new Claimers(Array.from({ length: processes }, () => new Worker('claim', job)))
    try {
      await Promise.all(claimers.#workers.map(worker => worker.answer()))
      return claimers
    } catch (error) {
      claimers[Symbol.dispose]()
      throw error
    }
  }

  /** So many of them take all that is in a channel. */
  async claim(channel: string, processes: number): Promise<{ beganAt: number; claimed: Claimed[] }> {
    const workers = this.#workers.slice(0, processes)
    const beganAt = wallMs()
    for (const worker of workers) worker.order(channel)
    return { beganAt, claimed: await Promise.all(workers.map(worker => worker.answer<Claimed>())) }
  }

  [Symbol.dispose](): void {
    for (const worker of this.#workers) worker.end()
  }
}

export const claimScenarios: readonly Scenario[] = [
  {
    name: 'j6-claims-8-processes',
    title: 'J6: claim one, acknowledge it (synced), claim the next: 8 processes beside one',
    targets: [{ figure: RATIO, unit: '× one process', atLeast: 4 }],
    run: oneByOne
  },
  {
    name: 'j5-claims-blocks-of-50',
    title: 'J5: 40,000 messages to 4 processes in blocks of 50: how long the owner is busy at a stretch',
    targets: [{ figure: 'busyP99Ms', unit: 'ms p99 that a claim keeps others', atMost: 5 }],
    run: blocks
  }
]
