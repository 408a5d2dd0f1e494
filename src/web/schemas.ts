import { PRIORITY } from '../message.ts'
import type { JsonSchema } from '../server/route.ts'

/** Pieces that the schemas of several routes share. */

export const TEXT = { type: 'string' } as const
export const COUNT = { type: 'integer', minimum: 0 } as const
export const WALL_MS = { type: 'integer', description: 'Milliseconds since 1970, UTC.' } as const
export const DURATION = {
  type: ['integer', 'string'],
  description: 'Milliseconds as a number, or a text: 10s, 5m, 2h, 1d.',
  examples: ['10s', 10_000]
} as const
export const CHANNEL = {
  type: 'string',
  minLength: 1,
  maxLength: 120,
  description: 'Any text of 1 to 120 UTF-8 bytes without control characters; percent-encoded in a path.'
} as const
export const LEASE = { type: 'string', description: 'The token that a poll gave.' } as const
export const POSITION = { ...COUNT, description: 'Which message of its poll, from 0.' } as const
export const VERDICTS = ['ack', 'retry', 'release', 'reject'] as const

/** An object with exactly these members. */
export function exactly(properties: JsonSchema, required: readonly string[] = []): JsonSchema {
  return { type: 'object', additionalProperties: false, properties, ...(required.length > 0 && { required }) }
}

/** An object that has these members, and in later versions more. */
export function having(properties: JsonSchema): JsonSchema {
  return { type: 'object', required: Object.keys(properties), properties }
}

/** The values of a query: texts, all of them. */
export function texts(...names: string[]): JsonSchema {
  return exactly(Object.fromEntries(names.map(name => [name, TEXT])))
}

export const RECEIPT: JsonSchema = {
  type: 'object',
  required: ['id', 'state', 'durability'],
  properties: {
    id: TEXT,
    state: { enum: ['queued', 'scheduled'], description: 'scheduled: held until dueAt.' },
    durability: { enum: ['synced', 'buffered'], description: 'synced: it survives a power cut.' },
    dueAt: { ...TEXT, description: 'Of what is scheduled: ISO 8601 in UTC.' }
  }
}

/** What a poll or a peek gives of one message. */
export const MESSAGE: JsonSchema = {
  type: 'object',
  required: ['id', 'channel', 'priority', 'from', 'sentAt', 'receivedAt', 'attempt', 'deliveries', 'headers', 'kind'],
  properties: {
    position: POSITION,
    id: TEXT,
    channel: CHANNEL,
    priority: { type: 'integer', minimum: PRIORITY.min, maximum: PRIORITY.max },
    from: { ...TEXT, description: 'The node that sent it.' },
    sentAt: WALL_MS,
    receivedAt: WALL_MS,
    expiresAt: WALL_MS,
    attempt: { ...COUNT, description: '1 at first; one more for every attempt that failed.' },
    deliveries: { ...COUNT, description: 'Times handed out.' },
    headers: { type: 'object', additionalProperties: TEXT },
    key: { ...TEXT, description: 'The next of this key comes when this one is finished.' },
    kind: { enum: ['text', 'json', 'bytes'] },
    body: { description: 'Of kind text a text, of kind json the value.' },
    bodyBase64: { ...TEXT, description: 'Instead of body: of kind bytes, and of what is not what its sender says.' },
    bodyBytes: {
      type: 'integer',
      description: 'Instead of body: it is a file of so many bytes, for GET on the queue path or the library.'
    }
  }
}
