import { resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { DroprError, systemCode } from '../errors.ts'
import { LIMITS } from '../limits.ts'
import { openInput } from '../system/input.ts'
import type { Shell } from './act.ts'
import { UsageError } from './usage-error.ts'

/** No message can be larger, whatever the configuration says; the queue itself refuses earlier. */
export const BODY_BYTES_MAX = LIMITS.messageBytesMax.max

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

export async function readAll(source: { stream: Readable; name: string }): Promise<Buffer> {
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

export function inputError(error: unknown, name: string): unknown {
  if (error instanceof RangeError) return new DroprError('MESSAGE_TOO_LARGE', `${name}: ${error.message}`)
  if (error instanceof Error && systemCode(error) !== undefined && 'syscall' in error) {
    return new UsageError(`cannot read ${name}: ${error.message}`, { cause: error })
  }
  return error
}
