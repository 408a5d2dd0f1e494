import type { Readable } from 'node:stream'
import { durationMs } from '../duration.ts'
import type { SendOptions as QueueSendOptions } from '../queue/send-options.ts'
import { nodeSystem } from '../system/node-system.ts'
import type { Call } from './act.ts'
import { BODY_BYTES_MAX, inputError, sourceOf, wholeOf } from './body-input.ts'
import { EXIT } from './exit-codes.ts'
import { bodyOf, LineSplitter } from './lines.ts'
import { openCallQueue } from './open-queue.ts'
import { startProgress } from './progress.ts'
import type { SendOptions } from './send.ts'
import { SendWindow } from './send-window.ts'
import { UsageError, usage } from './usage-error.ts'

export async function runSend(call: Call<SendOptions>): Promise<number> {
  const { args, options } = call
  const channel = args[0]!
  const sending = usage(() => queueOptions(channel, options))
  const source = await sourceOf(call.shell, args[1], options.file)
  const queue = await openCallQueue(call, options.to)
  const progress = startProgress(call.out, { label: 'send', clock: nodeSystem().clock })
  try {
    const quiet = options.quiet === true
    const window = new SendWindow({ queue, options: sending, out: call.out, quiet, progress })
    if ('text' in source) await sendText(source.text, window, options.lines === true)
    else if (options.lines) await sendLines(source, window)
    else await window.send(...(await wholeOf(source)))
    await window.end()
    return EXIT.done
  } finally {
    progress.end()
    await queue.close()
  }
}

function queueOptions(channel: string, options: SendOptions): QueueSendOptions {
  if (options.lines && options.id !== undefined) {
    throw new UsageError('--id names one message: it cannot go with --lines')
  }
  if (options.at !== undefined && options.delay !== undefined) {
    throw new UsageError('--at and --delay exclude each other')
  }
  const { to, id, key, priority, header, ttl, receipt, buffered, at, delay, rejectPast } = options
  return {
    channel,
    ...(to === undefined ? {} : { to }),
    ...(id === undefined ? {} : { id }),
    ...(key === undefined ? {} : { key }),
    ...(priority === undefined ? {} : { priority }),
    ...(header === undefined ? {} : { headers: Object.fromEntries(header) }),
    ...(ttl === undefined ? {} : { ttl: durationMs(ttl, '--ttl') }),
    ...(at === undefined ? {} : { deliverAt: at }),
    ...(delay === undefined ? {} : { delay: durationMs(delay, '--delay') }),
    ...(rejectPast ? { rejectPast } : {}),
    ...(receipt ? { receipt } : {}),
    ...(buffered ? { durability: 'buffered' as const } : {})
  }
}

async function sendText(text: string, window: SendWindow, lines: boolean): Promise<void> {
  if (!lines) return await window.send(text)
  const parts = text.split('\n')
  if (parts.at(-1) === '') parts.pop()
  for (const line of parts) await window.send(line)
}

async function sendLines(source: { stream: Readable; name: string }, window: SendWindow): Promise<void> {
  const splitter = new LineSplitter(BODY_BYTES_MAX)
  try {
    for await (const chunk of source.stream) {
      for (const line of splitter.push(chunk as Buffer)) await window.send(bodyOf(line))
    }
  } catch (error) {
    throw inputError(error, source.name)
  }
  for (const line of splitter.end()) await window.send(bodyOf(line))
}
