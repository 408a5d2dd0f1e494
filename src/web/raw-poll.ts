import { Readable } from 'node:stream'
import { DroprError } from '../errors.ts'
import type { Message } from '../queue/message.ts'
import { reasonText } from '../queue/verdict-words.ts'
import type { Route } from '../server/route.ts'
import { BODY_TYPES, SAFE_BODY } from './body-headers.ts'
import { booleanOf, defined, durationOf } from './given.ts'
import { encodeHeaderName, encodeHeaderText } from './header-text.ts'
import { bodyFacts } from './lease-body.ts'
import type { WebDesk } from './options.ts'
import { HEADER_PREFIX } from './raw-send.ts'
import { CHANNEL, exactly, LEASE, TEXT, texts } from './schemas.ts'
import { take } from './take.ts'

/** Many clients take 16 KiB of headers in all. What does not fit is left out, and the answer says so. */
const HEADER_BYTES_MAX = 8_192

const ANSWER = exactly({
  'dropr-lease': LEASE,
  'dropr-lease-until': { ...TEXT, description: 'Milliseconds since 1970, UTC.' },
  'dropr-id': TEXT,
  'dropr-channel': TEXT,
  'dropr-key': { ...TEXT, description: 'If it has one.' },
  'dropr-priority': TEXT,
  'dropr-from': { ...TEXT, description: 'The node that sent it.' },
  'dropr-sent-at': TEXT,
  'dropr-received-at': TEXT,
  'dropr-expires-at': TEXT,
  'dropr-attempt': { ...TEXT, description: '1 at first; one more for every attempt that failed.' },
  'dropr-deliveries': { ...TEXT, description: 'Times handed out, this one included.' },
  'content-location': { ...TEXT, description: 'Of a large body: where it can be read again, also in part.' },
  etag: { ...TEXT, description: 'Of a large body: its SHA-256.' },
  'repr-digest': { ...TEXT, description: 'The same, as RFC 9530 has it.' },
  'dropr-headers-left-out': { ...TEXT, description: 'So many headers of the message were too long: poll by JSON.' }
})

export function rawPollRoute(desk: WebDesk): Route {
  const { holds } = desk
  return {
    method: 'GET',
    path: '/v1/queues/{channel}',
    schema: {
      id: 'get',
      summary: 'Take the next message, leased: its body as it is, the rest in headers',
      params: exactly({ channel: CHANNEL }, ['channel']),
      query: texts('wait', 'lease', 'resume'),
      answers: {
        200: {
          means: 'Its verdict goes to /v1/leases/{dropr-lease}/0/….',
          headers: { ...ANSWER, patternProperties: { [`^${HEADER_PREFIX}`]: TEXT } },
          body: 'bytes'
        },
        404: { means: 'Nothing came within `wait` (CHANNEL_EMPTY).' }
      }
    },
    bodyBytesMax: 0,
    async handler({ params, query, signal }) {
      const wait = durationOf(query.wait)
      const resume = booleanOf(query.resume, 'resume') === true
      const given = defined({ channel: params.channel, wait, lease: durationOf(query.lease) })
      const [message] = await take(desk, { ...given, max: 1 }, signal)
      if (message === undefined) throw new DroprError('CHANNEL_EMPTY', `nothing waits in ${params.channel}`)
      const body = message.large ? message.stream() : message.bytes()
      const failed = body instanceof Readable ? failureOf(body) : () => undefined
      const headers = headersOf(message)
      const hold = holds.add([message])
      const large = hold.bodies.get(0)
      const again = large && { 'content-location': `../leases/${hold.lease}/0/body`, ...bodyFacts(large) }
      return {
        status: 200,
        headers: { 'dropr-lease': hold.lease, ...headers, ...again },
        body,
        unsent() {
          const reason = failed()
          // Who wants to go on keeps it, until the lease ends.
          if (reason !== undefined || large === undefined || !resume) holds.giveBack(hold, reason)
        }
      }
    }
  }
}

/** Why the body could not be read to its end, in words: nobody will ever have all of it, so that it is an attempt that failed. */
function failureOf(body: Readable): () => string | undefined {
  let reason: string | undefined
  body.once('error', error => {
    if (error instanceof DroprError) reason = reasonText(`the body cannot be read: ${error.code}: ${error.message}`)
  })
  return () => reason
}

function headersOf(message: Message): Record<string, string> {
  const headers: Record<string, string> = {
    ...SAFE_BODY,
    'content-type': BODY_TYPES[message.kind],
    'dropr-lease-until': String(message.leaseUntil),
    'dropr-id': encodeHeaderText(message.id),
    'dropr-channel': encodeHeaderText(message.channel),
    'dropr-priority': String(message.priority),
    'dropr-from': message.from,
    'dropr-sent-at': String(message.sentAt),
    'dropr-received-at': String(message.receivedAt),
    'dropr-attempt': String(message.attempt),
    'dropr-deliveries': String(message.deliveries)
  }
  if (message.key !== undefined) headers['dropr-key'] = encodeHeaderText(message.key)
  if (message.expiresAt !== undefined) headers['dropr-expires-at'] = String(message.expiresAt)
  // Of the others the server knows it.
  if (message.large) headers['content-length'] = String(message.size)
  let bytes = 0
  let leftOut = 0
  for (const [given, value] of Object.entries(message.headers)) {
    const name = HEADER_PREFIX + encodeHeaderName(given)
    const text = encodeHeaderText(value)
    bytes += name.length + text.length + 4
    if (bytes > HEADER_BYTES_MAX) leftOut++
    else headers[name] = text
  }
  if (leftOut > 0) headers['dropr-headers-left-out'] = String(leftOut)
  return headers
}
