import { BODY_KINDS, PRIORITY } from '../message.ts'
import type { JsonSchema } from '../server/route.ts'
import { CHANNEL, COUNT, DURATION, having, TEXT, WALL_MS } from './schemas.ts'

/** Pieces that the schemas of the schedule's routes share. */

export const TIME = {
  type: ['integer', 'string'],
  description:
    'A time from 1970 to 9999: milliseconds since 1970, 2026-12-24T18:00:00Z, 2026-12-24 18:00 in the zone of the node, 10m, tomorrow 09:00.',
  examples: ['2026-12-24T18:00:00Z', 'tomorrow 09:00']
} as const

/** What of a sent message says that it is for later. */
export const DUE_GIVEN = {
  deliverAt: { ...TIME, description: 'When it is to go; it is held here until then. Past: at once.' },
  delay: { ...DURATION, description: 'The same, from now. Not both.' },
  rejectPast: { type: 'boolean', description: 'Refuse a deliverAt that has passed (DUE_PAST).' }
} as const

export const ID = {
  type: 'string',
  minLength: 1,
  description: 'The id of the message; percent-encoded in a path.'
} as const

const STATE = { enum: ['scheduled', 'fired', 'cancelled'], description: 'fired: handed over, on its way.' } as const

const UNANSWERED = {
  type: 'array',
  description: 'Of several shards those that could not say whether they hold one of this id, too.',
  items: having({ shard: COUNT, code: TEXT, error: TEXT })
} as const

export const STEERED: JsonSchema = {
  type: 'object',
  required: ['id', 'done', 'state'],
  properties: { id: TEXT, done: { type: 'boolean' }, state: STATE, dueAt: WALL_MS, unanswered: UNANSWERED }
}

const HELD = {
  id: TEXT,
  to: { ...TEXT, description: 'A peer, or this node.' },
  channel: CHANNEL,
  priority: { type: 'integer', minimum: PRIORITY.min, maximum: PRIORITY.max },
  dueAt: WALL_MS,
  sentAt: { ...WALL_MS, description: 'When it was scheduled.' },
  bytes: { ...COUNT, description: 'Of its body.' }
} as const

export const PAGE: JsonSchema = {
  type: 'object',
  required: ['messages'],
  properties: {
    messages: { type: 'array', items: having(HELD) },
    next: { ...TEXT, description: 'Give it as `after` for the next page. Absent: that was all.' }
  }
}

const LARGE = { ...COUNT, description: 'Instead of body: it is a file of so many bytes.' } as const

export const SHOWN: JsonSchema = {
  type: 'object',
  required: ['id', 'state', 'messages'],
  properties: {
    id: TEXT,
    state: STATE,
    messages: {
      type: 'array',
      description: 'Those that are held: one for each destination.',
      items: {
        type: 'object',
        required: [...Object.keys(HELD), 'kind'],
        properties: { ...HELD, kind: { enum: BODY_KINDS }, body: {}, bodyBase64: TEXT, bodyBytes: LARGE }
      }
    },
    unanswered: UNANSWERED
  }
}

export const FORECAST = having({
  buckets: {
    type: 'array',
    items: having({
      level: TEXT,
      bucket: TEXT,
      messages: COUNT,
      segments: COUNT,
      from: { ...WALL_MS, description: 'When its first message is due.' },
      to: { ...WALL_MS, description: 'When its last is.' }
    })
  }
})

const FIRED = { id: TEXT, to: TEXT, channel: CHANNEL, dueAt: WALL_MS, firedAt: WALL_MS } as const

export const TICKED = having({
  fired: { type: 'array', items: having(FIRED) },
  failed: { type: 'array', items: having({ ...FIRED, code: TEXT, detail: TEXT, retry: { type: 'boolean' } }) }
})
