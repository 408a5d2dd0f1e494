import { setTimeout as sleep } from 'node:timers/promises'
import { DroprError, type Queue } from '../src/index.ts'

const BURST_MS = 20
export const CHANNEL = 'lines'

/** What went out and what came in, as the two applications of the demo know it. */
export class Traffic {
  sent = 0
  /** Receipts: lines that `sendMessage` said are safe on the sender's disk. */
  safe = 0
  readonly received: string[] = []
  redelivered = 0
  readonly #seen = new Set<string>()

  get inFlight(): number {
    return this.safe - this.received.length
  }

  /** One message came: the application's own effect, made once with the help of the id. */
  take(id: string, line: string): void {
    if (this.#seen.has(id)) {
      this.redelivered++
      return
    }
    this.#seen.add(id)
    this.received.push(line)
  }
}

interface Job {
  lines: readonly string[]
  to: string
  seconds: number
  signal: AbortSignal
}

/** Sends every line in its turn, spread over `seconds`; resolves when all of them are safe on the disk. */
export async function sendPaced(queue: Queue, traffic: Traffic, job: Job) {
  const startedAt = performance.now()
  const receipts: Promise<void>[] = []
  while (traffic.sent < job.lines.length && !job.signal.aborted) {
    const share = (performance.now() - startedAt) / (job.seconds * 1000)
    const due = Math.min(job.lines.length, Math.ceil(share * job.lines.length))
    while (traffic.sent < due) {
      const line = job.lines[traffic.sent++]!
      receipts.push(
        queue.sendMessage(line, { to: job.to, channel: CHANNEL }).then(() => {
          traffic.safe++
        })
      )
    }
    await sleep(BURST_MS)
  }
  await Promise.all(receipts)
}

/** Polls until `count` different lines have come. What the death of a server interrupts is simply done again. */
export async function receive(queue: Queue, traffic: Traffic, count: number, signal: AbortSignal): Promise<void> {
  while (traffic.received.length < count && !signal.aborted) {
    const messages = await queue.poll({ channel: CHANNEL, max: 1_000, wait: 1_000 }).catch(orAgain)
    for (const message of messages) traffic.take(message.id, message.text())
    // A verdict that does not get through is no harm: the message comes again, and is known by its id.
    await Promise.allSettled(messages.map(message => message.ack()))
  }
}

async function orAgain(error: unknown): Promise<never[]> {
  if (!(error instanceof DroprError) || !error.retry) throw error
  await sleep(50)
  return []
}
