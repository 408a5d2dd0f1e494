import { openQueue, type Queue } from '../src/index.ts'
import { orders, tell, wallMs } from './worker.ts'

export interface ClaimJob {
  spool: string
  /** Messages a claim. */
  max: number
}

export interface Claimed {
  messages: number
  endedAt: number
  /** How long each claim took, ms. */
  claimMs: number[]
}

const job: ClaimJob = JSON.parse(process.argv[2]!)
await using queue = await openQueue({ spool: job.spool })
tell({ ready: true })
for await (const channel of orders()) tell(await claimAll(queue, channel))

/** Claims, acknowledges, claims again, until there is nothing left. */
async function claimAll(queue: Queue, channel: string): Promise<Claimed> {
  const claimed: Claimed = { messages: 0, endedAt: 0, claimMs: [] }
  for (;;) {
    const from = performance.now()
    const messages = await queue.poll({ channel, max: job.max })
    if (messages.length === 0) return claimed
    claimed.claimMs.push(performance.now() - from)
    await Promise.all(messages.map(message => message.ack()))
    claimed.messages += messages.length
    claimed.endedAt = wallMs()
  }
}
