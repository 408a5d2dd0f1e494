import { durationMs } from '../duration.ts'
import type { Call } from './act.ts'
import { readAll, sourceOf } from './body-input.ts'
import { EXIT } from './exit-codes.ts'
import { bodyOf } from './lines.ts'
import { bodyJson } from './message-json.ts'
import { openCallQueue } from './open-queue.ts'
import type { RequestOptions } from './request.ts'
import { usage } from './usage-error.ts'

export async function runRequest(call: Call<RequestOptions>): Promise<number> {
  const { args, options, out } = call
  const [to, channel, given] = args as [string, string, string | undefined]
  const { id, priority, header, ttl, timeout } = options
  const asked = usage(() => ({
    channel,
    timeout: durationMs(timeout, '--timeout'),
    ...(id === undefined ? {} : { id }),
    ...(priority === undefined ? {} : { priority }),
    ...(header === undefined ? {} : { headers: Object.fromEntries(header) }),
    ...(ttl === undefined ? {} : { ttl: durationMs(ttl, '--ttl') })
  }))
  const source = await sourceOf(call.shell, given, options.file)
  const body = 'text' in source ? source.text : bodyOf(await readAll(source))
  const queue = await openCallQueue(call, [to])
  try {
    const reply = await queue.request(to, body, asked)
    const { correlationId, from, sentAt, receivedAt, headers } = reply
    if (!out.json) await out.write(reply.bytes())
    else await out.value({ id: reply.id, correlationId, from, sentAt, receivedAt, headers, ...bodyJson(reply.bytes()) })
    return EXIT.done
  } finally {
    await queue.close()
  }
}
