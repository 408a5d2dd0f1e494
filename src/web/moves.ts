import type { Moved } from '../queue/carry-out.ts'
import type { FilterOptions, MoveOptions } from '../queue/filter-options.ts'
import type { JsonSchema, RouteAnswer } from '../server/route.ts'
import { durationOf, numberOf } from './given.ts'
import { COUNT, DURATION, exactly, TEXT, texts } from './schemas.ts'

/** What is asked of many messages: which, and how. The same members in every route that changes messages. */

/** One request moves so many at most, so that it is answered soon: `next` says where to go on. */
/** Ten thousand ids, and more. */
export const ASKED_BYTES_MAX = 4_194_304
const LIMIT_DEFAULT = 10_000
const LIMIT_MAX = 100_000

const NAMES = { type: ['string', 'array'], items: TEXT } as const
const FILTER = {
  ids: { type: 'array', items: TEXT, maxItems: 10_000, description: 'Of messages.' },
  channel: { ...NAMES, description: 'One, or a list.' },
  peer: { ...NAMES, description: 'Whom it is for, or whom it came from.' },
  olderThan: DURATION,
  newerThan: DURATION,
  match: { ...TEXT, description: 'In the id or the body; with * or ? the whole of it.' },
  headers: { type: 'object', additionalProperties: TEXT, description: 'By exact name and value.' }
} as const

export const MOVE_BODY: JsonSchema = exactly({
  ...FILTER,
  all: { type: 'boolean', description: 'Needed where no filter is given.' },
  dryRun: { type: 'boolean', description: 'Change nothing, say what would happen.' },
  rate: { ...COUNT, minimum: 1, description: 'So many a second at most.' },
  limit: { ...COUNT, minimum: 1, maximum: LIMIT_MAX, description: `Default ${LIMIT_DEFAULT}.` },
  after: { ...TEXT, description: 'next of the answer before.' }
})

/** Also what somebody holds. */
export const PURGE_BODY: JsonSchema = {
  ...MOVE_BODY,
  properties: {
    ...(MOVE_BODY.properties as object),
    leased: { type: 'boolean', description: 'Also what somebody holds: its verdict is refused then.' }
  }
}

export const MOVED: JsonSchema = {
  type: 'object',
  required: ['moved', 'bytes', 'left'],
  properties: {
    moved: COUNT,
    bytes: COUNT,
    left: { type: 'object', additionalProperties: COUNT, description: 'Left as they are, by the reason.' },
    next: { ...TEXT, description: 'There may be more: give it as after.' },
    ids: { type: 'array', items: TEXT, description: 'Of a dry run, the first 1,000.' }
  }
}

export const MOVED_ANSWERS = { 200: { means: 'It is done, on the disk.', body: MOVED } } as const

export function moveOptions(body: unknown, signal: AbortSignal): MoveOptions {
  return { limit: LIMIT_DEFAULT, ...(body as MoveOptions), signal }
}

export function movedAnswer(moved: Moved): RouteAnswer {
  return { status: 200, body: JSON.stringify(moved) }
}

/** A filter in a query: each name once. `header=name=value`. */
export const FILTER_QUERY: JsonSchema = texts(
  'id',
  'channel',
  'peer',
  'state',
  'olderThan',
  'newerThan',
  'match',
  'header',
  'limit',
  'after'
)

/** @throws TypeError naming what is wrong. */
export function filterOfQuery(query: Readonly<Record<string, string>>): FilterOptions {
  const { id, header, channel, peer, state, match } = query
  const at = header?.indexOf('=') ?? -1
  if (header !== undefined && at < 1) throw new TypeError('header must be name=value')
  const given = {
    ids: id === undefined ? undefined : [id],
    channel,
    peer,
    state,
    olderThan: durationOf(query.olderThan),
    newerThan: durationOf(query.newerThan),
    match,
    headers: header === undefined ? undefined : { [header.slice(0, at)]: header.slice(at + 1) },
    limit: numberOf(query.limit, 'limit')
  }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}
