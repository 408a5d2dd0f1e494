import { setTimeout as sleep } from 'node:timers/promises'
import { openQueue, type Queue } from '../src/index.ts'
import { sendAll } from './send-scenarios.ts'
import { tell, told, wallMs } from './worker.ts'

export interface SendJob {
  spool: string
  to: string
  channel: string
  /** So many channels in turn, `<channel>-<n>`. */
  channels?: number
  messages: number
  /** Sends so many before it is ready. */
  before?: number
  bodyBytes: number
  /** As fast as it goes, with so many in flight; or paced. */
  inFlight?: number
  perSecond?: number
  durability?: 'buffered'
}

const job: SendJob = JSON.parse(process.argv[2]!)
await using queue = await openQueue({ spool: job.spool })
const { bodyBytes, inFlight = 1_024, channel, channels: count, ...rest } = job
const body = 'x'.repeat(bodyBytes)
const channels = count === undefined ? [channel] : Array.from({ length: count }, (_, n) => `${channel}-${n}`)
if (job.before) await sendAll(queue, { ...rest, messages: job.before, inFlight, body, channels })
tell({ ready: true })
await told()
const firstAt = wallMs()
if (job.perSecond) await sendPaced(queue, job.perSecond)
else await sendAll(queue, { ...rest, inFlight, body, channels })
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
