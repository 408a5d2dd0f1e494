import type { BodyKind } from '../message.ts'
import type { Durability } from '../queue/receipt.ts'
import type { Route, RouteRequest } from '../server/route.ts'
import { booleanOf, defined, durationOf, idempotencyKey, numberOf } from './given.ts'
import { decodeHeaderText } from './header-text.ts'
import type { WebDesk } from './options.ts'
import { CHANNEL, exactly, RECEIPT, TEXT } from './schemas.ts'
import { KEY_HEADER } from './send.ts'

/** Headers of a message, as headers of HTTP: their names follow. */
export const HEADER_PREFIX = 'dropr-header-'

const KNOWN = {
  'dropr-to': { ...TEXT, description: 'A configured peer, or several with commas between. Default: this node.' },
  'dropr-key': { ...TEXT, description: 'Messages of one key are handed out one at a time, in order.' },
  'dropr-priority': { ...TEXT, description: '0 to 9, higher first; 4.' },
  'dropr-ttl': { ...TEXT, description: 'Not delivered after that: 10s, 5m, 2h, 1d, or milliseconds.' },
  'dropr-expires-at': { ...TEXT, description: 'The same, in milliseconds since 1970, UTC.' },
  'dropr-durability': { ...TEXT, description: 'synced (the default) or buffered.' },
  'dropr-receipt': { ...TEXT, description: 'true: that node tells this one what its consumer made of it.' },
  'dropr-deliver-at': {
    ...TEXT,
    description: 'Held here until then: 2026-12-24T18:00:00Z, tomorrow 09:00, milliseconds.'
  },
  'dropr-delay': { ...TEXT, description: 'The same, from now: 10s, 5m, 2h, 1d, or milliseconds.' },
  'dropr-reject-past': { ...TEXT, description: 'true: refuse a dropr-deliver-at that has passed (DUE_PAST).' }
} as const

export function rawSendRoute({ queue, limits }: WebDesk): Route {
  return {
    method: 'PUT',
    path: '/v1/queues/{channel}',
    schema: {
      id: 'put',
      summary: 'Send the body as it is, of any length; text/* is text, application/json JSON, anything else bytes',
      params: exactly({ channel: CHANNEL }, ['channel']),
      headers: {
        ...exactly({ ...(KEY_HEADER.properties as object), ...KNOWN }),
        patternProperties: { [`^${HEADER_PREFIX}`]: { ...TEXT, description: 'A header of the message.' } }
      },
      body: 'bytes',
      answers: { 201: { means: 'It is on the disk of this node.', body: RECEIPT } }
    },
    bodyBytesMax: Math.max(limits.messageBytesMax, limits.blobBytesMax),
    heldBytesMax: limits.messageBytesMax,
    async handler(request) {
      const { headers, params } = request
      const said = (name: keyof typeof KNOWN) => textOf(headers[name])
      const options = defined({
        channel: params.channel,
        to: said('dropr-to')?.split(/ *, */),
        id: idempotencyKey(request),
        key: decoded(said('dropr-key'), 'dropr-key'),
        priority: numberOf(said('dropr-priority'), 'dropr-priority'),
        ttl: durationOf(said('dropr-ttl')),
        expiresAt: numberOf(said('dropr-expires-at'), 'dropr-expires-at'),
        durability: said('dropr-durability') as Durability | undefined,
        receipt: booleanOf(said('dropr-receipt'), 'dropr-receipt'),
        deliverAt: durationOf(said('dropr-deliver-at')),
        delay: durationOf(said('dropr-delay')),
        rejectPast: booleanOf(said('dropr-reject-past'), 'dropr-reject-past'),
        headers: messageHeaders(headers),
        kind: kindOf(textOf(headers['content-type']))
      })
      const body = (request.body as Buffer | AsyncIterable<Buffer> | undefined) ?? Buffer.alloc(0)
      return { status: 201, body: JSON.stringify(await queue.sendMessage(body, options)) }
    }
  }
}

/** @throws TypeError for a header that begins as ours do, and is none. */
function messageHeaders(given: RouteRequest['headers']): Record<string, string> {
  const headers: Record<string, string> = Object.create(null)
  for (const [name, value] of Object.entries(given)) {
    if (name.startsWith(HEADER_PREFIX))
      headers[decodeHeaderText(name.slice(HEADER_PREFIX.length), name)] = decodeHeaderText(textOf(value)!, name)
    else if (name.startsWith('dropr-') && !Object.hasOwn(KNOWN, name))
      throw new TypeError(`there is no header ${name}: a header of the message begins with ${HEADER_PREFIX}`)
  }
  return headers
}

function decoded(text: string | undefined, name: string): string | undefined {
  return text === undefined ? undefined : decodeHeaderText(text, name)
}

function kindOf(type = ''): BodyKind {
  if (/^text\//i.test(type)) return 'text'
  return /^application\/(?:[\w.-]+\+)?json *(?:;|$)/i.test(type) ? 'json' : 'bytes'
}

function textOf(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value
}
