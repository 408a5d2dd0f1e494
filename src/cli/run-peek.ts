import type { Peeked } from '../queue/peeked.ts'
import type { Queue } from '../queue/queue.ts'
import { nodeSystem } from '../system/node-system.ts'
import type { Call } from './act.ts'
import { EXIT } from './exit-codes.ts'
import { bodyJson } from './message-json.ts'
import { openCallQueue } from './open-queue.ts'
import type { PeekOptions } from './peek.ts'

/** What was sent to this node itself is taken into the inbox once a queue is open: an empty answer counts after so long. */
const SETTLE_MS = 1_000
const LOOK_MS = 50

const NEWLINE = Buffer.from('\n')

export async function runPeek(call: Call<PeekOptions>): Promise<number> {
  const { args, options, out } = call
  const queue = await openCallQueue(call)
  try {
    const found = await peekSoon(queue, { channel: args[0]!, max: options.max })
    for (const message of found) {
      if (out.json) await out.value(peekedJson(message))
      else await out.write(options.lines ? Buffer.concat([message.bytes(), NEWLINE]) : message.bytes())
    }
    return found.length > 0 ? EXIT.done : EXIT.nothing
  } finally {
    await queue.close()
  }
}

async function peekSoon(queue: Queue, request: { channel: string; max: number }): Promise<Peeked[]> {
  const { clock } = nodeSystem()
  const until = clock.ticks() + SETTLE_MS
  for (;;) {
    const found = await queue.peek(request)
    if (found.length > 0 || clock.ticks() >= until) return found
    await clock.sleep(LOOK_MS)
  }
}

function peekedJson(message: Peeked): object {
  const { id, channel, priority, from, sentAt, expiresAt, receivedAt, attempt, deliveries, headers, key } = message
  const of = { id, channel, priority, from, sentAt, receivedAt, expiresAt, attempt, deliveries, headers, key }
  return { ...of, ...(message.large ? { bodyBytes: message.size } : bodyJson(message.bytes())) }
}
