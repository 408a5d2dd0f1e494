import { resolve } from 'node:path'
import { Readable } from 'node:stream'
import { DroprError, systemCode } from '../errors.ts'
import { LIMITS } from '../limits.ts'
import { type BodySource, takeHead } from '../queue/body-source.ts'
import { openInput } from '../system/input.ts'
import type { Shell } from './act.ts'
import { bodyOf } from './lines.ts'
import { UsageError } from './usage-error.ts'

/** No message can be larger, whatever the configuration says; the queue itself refuses earlier. */
export const BODY_BYTES_MAX = LIMITS.messageBytesMax.max

/** A file up to this is sent as text where it is UTF-8; of a longer one nobody knows before its end. */
const HEAD_BYTES = LIMITS.messageBytesMax.default

/** Where the body or bodies come from. */
export type Source = { text: string } | { stream: Readable; name: string }

/** The argument, the file, or standard input. @throws UsageError */
export async function sourceOf(shell: Shell, body: string | undefined, file: string | undefined): Promise<Source> {
  if (file !== undefined) {
    if (body !== undefined && body !== '-') throw new UsageError('give a body or --file, not both')
    const stream = await openInput(resolve(shell.cwd(), file)).catch(error => {
      throw inputError(error, file)
    })
    return { stream, name: file }
  }
  if (body !== undefined && body !== '-') return { text: body }
  // Somebody at a terminal who forgot the body should not sit before a silent prompt.
  if (body === undefined && shell.stdin.isTTY) {
    throw new UsageError('nothing to send: give a body, --file, or pipe something in (- reads the terminal)')
  }
  return { stream: shell.stdin, name: 'standard input' }
}

/** One body, of any length: whole when it is small, else to be read while it is sent. And what its bytes are. */
export async function wholeOf(source: {
  stream: Readable
  name: string
}): Promise<[body: string | Buffer | BodySource, more?: { kind: 'bytes' | 'text' }]> {
  const head = await takeHead(partsOf(source), HEAD_BYTES)
  if (head.bytes === undefined) return [head.rest, { kind: 'bytes' }]
  const body = bodyOf(head.bytes)
  if (head.bytes.length <= LIMITS.messageBytesMax.min) return [body]
  // Whether it is a large one here is the configuration's to say.
  return [Readable.from([head.bytes]), { kind: typeof body === 'string' ? 'text' : 'bytes' }]
}

async function* partsOf({ stream, name }: { stream: Readable; name: string }): AsyncGenerator<Buffer, void> {
  try {
    for await (const chunk of stream) yield chunk as Buffer
  } catch (error) {
    throw inputError(error, name)
  }
}

export async function readAll(source: { stream: Readable; name: string }): Promise<Buffer> {
  const head = await takeHead(partsOf(source), BODY_BYTES_MAX)
  if (head.bytes !== undefined) return head.bytes
  throw inputError(new RangeError(`a body has more than ${BODY_BYTES_MAX} bytes`), source.name)
}

export function inputError(error: unknown, name: string): unknown {
  if (error instanceof RangeError) return new DroprError('MESSAGE_TOO_LARGE', `${name}: ${error.message}`)
  if (error instanceof Error && systemCode(error) !== undefined && 'syscall' in error) {
    return new UsageError(`cannot read ${name}: ${error.message}`, { cause: error })
  }
  return error
}
