import { isUtf8 } from 'node:buffer'
import type { BodyKind } from '../message.ts'
import { parseJson } from '../queue/json.ts'
import type { Message } from '../queue/message.ts'
import type { Peeked } from '../queue/peeked.ts'

/** A message as JSON. `first` goes before the rest. */
export function messageJson(message: Message | Peeked, first: Readonly<Record<string, unknown>> = {}): string {
  const { id, channel, priority, kind, from, sentAt, receivedAt, expiresAt, attempt, deliveries, headers, key } =
    message
  const rest = { id, channel, priority, from, sentAt, receivedAt, expiresAt, attempt, deliveries, headers, key, kind }
  const body = message.large ? `"bodyBytes":${message.size}` : bodyMember(kind, message.bytes())
  return `${JSON.stringify({ ...first, ...rest }).slice(0, -1)},${body}}`
}

/**
 * The body as a member. JSON is set in as it came: numbers of others may be longer than ours. What is not what its sender
 * says it is goes as bytes.
 */
export function bodyMember(kind: BodyKind, bytes: Buffer): string {
  if (kind !== 'bytes' && isUtf8(bytes)) {
    const text = bytes.toString()
    if (kind === 'text') return `"body":${JSON.stringify(text)}`
    try {
      parseJson(text)
      return `"body":${text}`
    } catch {
      // As bytes.
    }
  }
  return `"bodyBase64":"${bytes.toString('base64')}"`
}
