import { durationMs } from '../duration.ts'
import { DroprError } from '../errors.ts'
import type { Message } from '../queue/message.ts'
import type { Queue } from '../queue/queue.ts'
import type { Call } from './act.ts'
import { EXIT } from './exit-codes.ts'
import { bodyJson } from './message-json.ts'
import { openCallQueue } from './open-queue.ts'
import type { PollOptions } from './poll.ts'
import { printLargeBody } from './print-body.ts'
import { onSignals } from './signals.ts'
import { usage } from './usage-error.ts'

/** Printed and acknowledged together. What is printed and not acknowledged when we are killed comes again. */
const BATCH_MAX = 256

const NEWLINE = Buffer.from('\n')

export async function runPoll(call: Call<PollOptions>): Promise<number> {
  const { options } = call
  const waitMs = usage(() => (options.wait === undefined ? 0 : durationMs(options.wait, '--wait')))
  const interrupted = new AbortController()
  const release = onSignals(['SIGINT', 'SIGTERM'], () => interrupted.abort())
  const queue = await openCallQueue(call)
  try {
    const taken = await takeAll(queue, { call, waitMs, signal: interrupted.signal })
    if (taken > 0) return EXIT.done
    return interrupted.signal.aborted ? EXIT.interrupted : EXIT.nothing
  } finally {
    // Gives back whatever was taken and not acknowledged.
    await queue.close()
    release()
  }
}

/** Waits for the first message, then takes what is there. @returns how many were printed. */
async function takeAll(
  queue: Queue,
  take: { call: Call<PollOptions>; waitMs: number; signal: AbortSignal }
): Promise<number> {
  const { call, signal } = take
  const { max, peek } = call.options
  const channel = call.args[0]!
  let printed = 0
  // Kept until the end: given back earlier, they would be handed to us again.
  const peeked: Message[] = []
  while (printed < max && !signal.aborted) {
    const wait = printed === 0 ? take.waitMs : 0
    const messages = await pollOnce(queue, { channel, wait, max: Math.min(BATCH_MAX, max - printed), signal })
    if (messages.length === 0) break
    await print(messages, call)
    if (peek) peeked.push(...messages)
    else await Promise.all(messages.map(message => message.ack()))
    printed += messages.length
  }
  await Promise.all(peeked.map(message => message.release()))
  return printed
}

async function pollOnce(
  queue: Queue,
  options: { channel: string; wait: number; max: number; signal: AbortSignal }
): Promise<Message[]> {
  try {
    return await queue.poll(options)
  } catch (error) {
    if (options.signal.aborted && error instanceof DroprError && error.code === 'ABORTED') return []
    throw error
  }
}

/** All in one go, but for bodies that are too large for it. */
async function print(messages: readonly Message[], call: Call<PollOptions>): Promise<void> {
  const { out, options } = call
  let forms: Buffer[] = []
  for (const message of messages) {
    if (!message.large || out.json) {
      forms.push(...printedForm(message, call))
      continue
    }
    await out.write(Buffer.concat(forms))
    await printLargeBody(message, out)
    forms = options.lines ? [NEWLINE] : []
  }
  await out.write(Buffer.concat(forms))
}

function printedForm(message: Message, { out, options }: Call<PollOptions>): Buffer[] {
  if (out.json) return [Buffer.from(`${JSON.stringify(jsonOf(message))}\n`)]
  return options.lines ? [message.bytes(), NEWLINE] : [message.bytes()]
}

function jsonOf(message: Message): object {
  const { id, channel, priority, from, sentAt, receivedAt, attempt, deliveries, redelivered, headers, key } = message
  const body = message.large ? { bodyBytes: message.size } : bodyJson(message.bytes())
  return { id, channel, priority, from, sentAt, receivedAt, attempt, deliveries, redelivered, headers, key, ...body }
}
