import type { Readable } from 'node:stream'
import { durationMs } from '../duration.ts'
import { DroprError, systemCode } from '../errors.ts'
import { LIMITS } from '../limits.ts'
import type { SendOptions as QueueSendOptions } from '../queue/send-options.ts'
import { openInput } from '../system/input.ts'
import { keepAlive } from '../system/keep-alive.ts'
import type { Call } from './act.ts'
import { EXIT } from './exit-codes.ts'
import { bodyOf, LineSplitter } from './lines.ts'
import { openCallQueue } from './open-queue.ts'
import type { SendOptions } from './send.ts'
import { SendWindow } from './send-window.ts'
import { UsageError, usage } from './usage-error.ts'

/** No message can be larger, whatever the configuration says; the queue itself refuses earlier. */
const BODY_BYTES_MAX = LIMITS.messageBytesMax.max

/** Where the body or bodies come from. */
type Source = { text: string } | { stream: Readable; name: string }

export async function runSend(call: Call<SendOptions>): Promise<number> {
  const { args, options } = call
  const channel = args[0]!
  const sending = usage(() => queueOptions(channel, options))
  const source = await sourceOf(args[1], options)
  const awake = keepAlive()
  const queue = await openCallQueue(call, options.to)
  try {
    const window = new SendWindow({ queue, options: sending, out: call.out, quiet: options.quiet === true })
    if ('text' in source) await sendText(source.text, window, options.lines === true)
    else if (options.lines) await sendLines(source, window)
    else await window.send(bodyOf(await readAll(source)))
    await window.end()
    return EXIT.done
  } finally {
    await queue.close()
    awake()
  }
}

function queueOptions(channel: string, options: SendOptions): QueueSendOptions {
  if (options.lines && options.id !== undefined) {
    throw new UsageError('--id names one message: it cannot go with --lines')
  }
  const { to, id, priority, header, ttl, buffered } = options
  return {
    channel,
    ...(to === undefined ? {} : { to }),
    ...(id === undefined ? {} : { id }),
    ...(priority === undefined ? {} : { priority }),
    ...(header === undefined ? {} : { headers: Object.fromEntries(header) }),
    ...(ttl === undefined ? {} : { ttl: durationMs(ttl, '--ttl') }),
    ...(buffered ? { durability: 'buffered' as const } : {})
  }
}

async function sourceOf(body: string | undefined, options: SendOptions): Promise<Source> {
  const { file } = options
  if (file !== undefined) {
    if (body !== undefined && body !== '-') throw new UsageError('give a body or --file, not both')
    const stream = await openInput(file).catch(error => {
      throw inputError(error, file)
    })
    return { stream, name: file }
  }
  if (body !== undefined && body !== '-') return { text: body }
  // Somebody at a terminal who forgot the body should not sit before a silent prompt.
  if (body === undefined && process.stdin.isTTY) {
    throw new UsageError('nothing to send: give a body, --file, or pipe something in (- reads the terminal)')
  }
  return { stream: process.stdin, name: 'standard input' }
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

async function readAll(source: { stream: Readable; name: string }): Promise<Buffer> {
  const parts: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of source.stream) {
      parts.push(chunk as Buffer)
      bytes += (chunk as Buffer).length
      if (bytes > BODY_BYTES_MAX) throw new RangeError(`a body has more than ${BODY_BYTES_MAX} bytes`)
    }
  } catch (error) {
    throw inputError(error, source.name)
  }
  return Buffer.concat(parts)
}

function inputError(error: unknown, name: string): unknown {
  if (error instanceof RangeError) return new DroprError('MESSAGE_TOO_LARGE', `${name}: ${error.message}`)
  if (error instanceof Error && systemCode(error) !== undefined && 'syscall' in error) {
    return new UsageError(`cannot read ${name}: ${error.message}`, { cause: error })
  }
  return error
}
