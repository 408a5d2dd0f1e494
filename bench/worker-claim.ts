import { openQueue } from '../src/index.ts'
import { tell, told, wallMs } from './worker.ts'

export interface ClaimJob {
  spool: string
  channel: string
  /** Messages a claim. */
  max: number
  /** Claims, and acknowledges, so many one by one before it is ready: what has just begun to run is slower. */
  before: { channel: string; messages: number }
}

export interface Claimed {
  messages: number
  endedAt: number
  /** How long each claim took, ms. */
  claimMs: number[]
}

/** Claims, acknowledges, claims again, until there is nothing left. */
const job: ClaimJob = JSON.parse(process.argv[2]!)
await using queue = await openQueue({ spool: job.spool })
for (let i = 0; i < job.before.messages; i++) {
  const message = await queue.poll({ channel: job.before.channel })
  await message?.ack()
}
tell({ ready: true })
await told()
const claimed: Claimed = { messages: 0, endedAt: 0, claimMs: [] }
for (;;) {
  const from = performance.now()
  const messages = await queue.poll({ channel: job.channel, max: job.max })
  if (messages.length === 0) break
  claimed.claimMs.push(performance.now() - from)
  await Promise.all(messages.map(message => message.ack()))
  claimed.messages += messages.length
  claimed.endedAt = wallMs()
}
tell(claimed)
