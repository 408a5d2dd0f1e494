import { isUtf8 } from 'node:buffer'
import { join } from 'node:path'
import { encodeChannel } from '../names.ts'
import { nodeSystem } from '../system/node-system.ts'
import type { Call } from './act.ts'
import { printable } from './columns.ts'
import { EXIT } from './exit-codes.ts'
import { type Arrived, InboxTail } from './inbox-tail.ts'
import { spoolThere } from './ls-rooms.ts'
import { storedBody, storedJson } from './message-json.ts'
import { onSignals } from './signals.ts'
import type { TailOptions } from './tail.ts'

const LOOK_MS = 200

export async function runTail(call: Call<TailOptions>): Promise<number> {
  const { args, options, out, spool } = call
  const { clock, files } = nodeSystem()
  await spoolThere({ files }, spool)
  const channel = args[0]!
  const ended = new AbortController()
  const release = onSignals(['SIGINT', 'SIGTERM'], () => ended.abort())
  try {
    const tail = new InboxTail(files, join(spool, 'inbox', encodeChannel(channel)))
    let printing = options.all === true
    let left = options.max ?? Number.POSITIVE_INFINITY
    if (!out.json) out.note(`waiting for messages in ${printable(channel)}; end with Ctrl-C`)
    while (!ended.signal.aborted) {
      for await (const arrived of tail.look()) {
        if (!printing) continue
        await out.line(out.json ? JSON.stringify(jsonOf(channel, arrived)) : lineOf(arrived))
        if (--left <= 0 || ended.signal.aborted) return EXIT.done
      }
      printing = true
      await clock.sleep(LOOK_MS, ended.signal)
    }
    return EXIT.done
  } finally {
    release()
  }
}

function jsonOf(channel: string, { stored, from, priority, receivedAt }: Arrived): object {
  const { id, sentAt, expiresAt, headers, key } = stored
  return { id, channel, priority, from, sentAt, receivedAt, expiresAt, headers, key, ...storedJson(stored) }
}

/** A line for a person: what terminals would obey is made visible. */
function lineOf({ stored, from, receivedAt }: Arrived): string {
  const { id, blob } = stored
  const body = storedBody(stored)
  const text =
    blob !== undefined || isUtf8(body) ? printable(body.toString()) : `(${body.length} bytes that are no text)`
  return `${new Date(receivedAt).toISOString()}  ${from}  ${printable(id)}  ${text}`
}
