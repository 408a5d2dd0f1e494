import { type Message, openQueue } from '../src/index.ts'
import { percentile } from './scenario.ts'
import { tell, wallMs } from './worker.ts'

export interface ConsumeJob {
  spool: string
  channel: string
  messages: number
  /** Give p50 and p99 of the way from send to handler, without the first `warmUp` messages. */
  warmUp?: number
}

const job: ConsumeJob = JSON.parse(process.argv[2]!)
await using queue = await openQueue({ spool: job.spool })
tell({ ready: true })
tell(job.warmUp === undefined ? await drain() : await timeHandlers(job.warmUp))

/** Polls and acks in batches, the next poll while the last acks are being synced. */
async function drain(): Promise<object> {
  const acks: Promise<unknown>[] = []
  let count = 0
  let lastAckAt = 0
  const ackAll = async (messages: readonly Message[]) => {
    await Promise.all(messages.map(message => message.ack()))
    lastAckAt = wallMs()
  }
  while (count < job.messages) {
    const messages = await queue.poll({ channel: job.channel, max: 4_096, wait: 1_000 })
    for (const message of messages) {
      if (message.text() === '') throw new Error(`an empty body: ${message.id}`)
      // Each counts once: not when it is handed out again.
      if (!message.redelivered) count++
    }
    if (messages.length > 0) acks.push(ackAll(messages))
  }
  await Promise.all(acks)
  return { lastAckAt, messages: count }
}

async function timeHandlers(warmUp: number): Promise<object> {
  const waits: number[] = []
  await new Promise<void>(resolve => {
    const handler = async (message: Message) => {
      waits.push(wallMs() - Number.parseFloat(message.text()))
      if (waits.length === job.messages) resolve()
    }
    queue.consume(job.channel, handler, { concurrency: 64 })
  })
  const measured = waits.slice(warmUp).sort((a, b) => a - b)
  return { p50Ms: percentile(measured, 0.5), p99Ms: percentile(measured, 0.99), messages: measured.length }
}
