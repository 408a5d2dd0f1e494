import type { Peeked } from '../queue/peeked.ts'
import { keepAlive } from '../system/keep-alive.ts'
import type { Call } from './act.ts'
import { EXIT } from './exit-codes.ts'
import { bodyJson } from './message-json.ts'
import { openCallQueue } from './open-queue.ts'
import type { PeekOptions } from './peek.ts'

const NEWLINE = Buffer.from('\n')

export async function runPeek(call: Call<PeekOptions>): Promise<number> {
  const { args, options, out } = call
  const awake = keepAlive()
  const queue = await openCallQueue(call)
  try {
    const found = await queue.peek({ channel: args[0]!, max: options.max })
    for (const message of found) {
      if (out.json) await out.value(peekedJson(message))
      else await out.write(options.lines ? Buffer.concat([message.bytes(), NEWLINE]) : message.bytes())
    }
    return found.length > 0 ? EXIT.done : EXIT.nothing
  } finally {
    await queue.close()
    awake()
  }
}

function peekedJson(message: Peeked): object {
  const { id, channel, priority, from, sentAt, expiresAt, receivedAt, attempt, deliveries, headers } = message
  const of = { id, channel, priority, from, sentAt, receivedAt, expiresAt, attempt, deliveries, headers }
  return { ...of, ...bodyJson(message.bytes()) }
}
