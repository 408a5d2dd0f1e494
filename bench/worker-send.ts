import { setTimeout as sleep } from 'node:timers/promises'
import { openQueue, type Queue } from '../src/index.ts'
import { sendAll } from './send-scenarios.ts'
import { tell, told, wallMs } from './worker.ts'

export interface SendJob {
  spool: string
  to: string
  channel: string
  messages: number
  bodyBytes: number
  /** As fast as it goes, with so many in flight; or paced. */
  inFlight?: number
  perSecond?: number
  durability?: 'buffered'
}

const job: SendJob = JSON.parse(process.argv[2]!)
await using queue = await openQueue({ spool: job.spool })
tell({ ready: true })
await told()
const firstAt = wallMs()
if (job.perSecond) await sendPaced(queue, job.perSecond)
else {
  const { bodyBytes, inFlight = 1_024, channel, ...rest } = job
  await sendAll(queue, { ...rest, inFlight, body: 'x'.repeat(bodyBytes), channels: [channel] })
}
tell({ firstAt, lastAt: wallMs() })

/** Each body begins with the moment in which its send was called. */
async function sendPaced(out: Queue, perSecond: number): Promise<void> {
  const startedAt = performance.now()
  const sends: Promise<unknown>[] = []
  while (sends.length < job.messages) {
    const due = Math.min(job.messages, Math.ceil(((performance.now() - startedAt) / 1000) * perSecond))
    while (sends.length < due) {
      const body = `${wallMs().toFixed(4)} `.padEnd(job.bodyBytes, 'x')
      sends.push(out.sendMessage(body, { to: job.to, channel: job.channel }))
    }
    await sleep(1)
  }
  await Promise.all(sends)
}
