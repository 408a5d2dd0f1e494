import { decodeMessage, MESSAGE, messageFlags } from '../journal/entry.ts'
import type { BodyKind, Headers, JsonValue } from '../message.ts'
import { bodyInMemory } from './body-reader.ts'
import type { ReadRun } from './claimed.ts'
import { parseJson } from './json.ts'

/** A message that waits, looked at without being taken. */
export interface Peeked {
  readonly id: string
  readonly channel: string
  readonly priority: number
  /** What the bytes of the body are. */
  readonly kind: BodyKind
  /** What was sent. Throws BODY_NOT_JSON, as `Message.body` does. */
  readonly body: string | Buffer | JsonValue
  /** Bytes of the body. */
  readonly size: number
  /** The body lies in a file of its own: what gives it whole throws BODY_LARGE. */
  readonly large: boolean
  /** The body's bytes, a copy. */
  bytes(): Buffer
  readonly headers: Headers
  readonly key: string | undefined
  readonly from: string
  readonly sentAt: number
  readonly expiresAt: number | undefined
  readonly receivedAt: number
  /** Which attempt the next hand-out will be. */
  readonly attempt: number
  /** Times handed out so far. */
  readonly deliveries: number
}

/** The messages of runs that were read; what is damaged, expired or no message is left out. */
export function peekedMessages(read: readonly ReadRun[], now: number): Peeked[] {
  return read.flatMap(part =>
    Array.from(part.offsets.subarray(0, part.run.count), (_, index) => peekedMessage(part, index, now)).filter(
      message => message !== undefined
    )
  )
}

function peekedMessage({ run, bytes, offsets, damaged }: ReadRun, index: number, now: number): Peeked | undefined {
  if (damaged?.has(index)) return undefined
  const at = offsets[index]!
  const { kind, expiresAt } = messageFlags(bytes, at)
  if (kind !== MESSAGE || (expiresAt !== undefined && expiresAt <= now)) return undefined
  const stored = decodeMessage(bytes, at)
  const { channel, priority, node, receivedAt, attempts, deliveries } = run
  return {
    id: stored.id,
    channel,
    priority,
    kind: stored.kind,
    get body() {
      const bytes = bodyInMemory(stored)
      if (stored.kind === 'bytes') return Buffer.from(bytes)
      const text = bytes.toString()
      return stored.kind === 'text' ? text : parseJson(text)
    },
    size: stored.blob?.bytes ?? stored.body.length,
    large: stored.blob !== undefined,
    bytes: () => Buffer.from(bodyInMemory(stored)),
    headers: stored.headers,
    key: stored.key,
    from: node,
    sentAt: stored.sentAt,
    expiresAt,
    receivedAt,
    attempt: 1 + attempts,
    deliveries
  }
}
