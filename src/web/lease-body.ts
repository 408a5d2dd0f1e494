import { DroprError } from '../errors.ts'
import type { LargeBody } from '../queue/body-reader.ts'
import { problemAnswer } from '../server/http-problem.ts'
import type { Route, RouteAnswer, RouteRequest } from '../server/route.ts'
import { BODY_TYPES, SAFE_BODY } from './body-headers.ts'
import type { WebDesk } from './options.ts'
import { wantedOf } from './range.ts'
import { exactly, LEASE, TEXT } from './schemas.ts'

const HEADERS = exactly({
  etag: { ...TEXT, description: 'Its SHA-256.' },
  'repr-digest': { ...TEXT, description: 'The same, as RFC 9530 has it: of the whole, also with a part.' },
  'content-range': { ...TEXT, description: 'Of a part: which.' }
})

/** The large body of a message that is held, as often as wanted and from where wanted: what was cut can go on. */
export function leaseBodyRoute({ holds }: WebDesk): Route {
  return {
    method: 'GET',
    path: '/v1/leases/{lease}/{position}/body',
    schema: {
      id: 'body',
      summary: 'Read the large body of a message that is held, or a part of it',
      params: exactly({ lease: LEASE, position: { ...TEXT, pattern: '^[0-9]{1,5}$' } }),
      headers: exactly({
        range: { ...TEXT, description: 'One range of bytes: bytes=1000-' },
        'if-range': { ...TEXT, description: 'The etag of what is there already: the whole if it is another one.' }
      }),
      answers: {
        200: { means: 'All of it.', headers: HEADERS, body: 'bytes' },
        206: {
          means: 'The part that was asked for. It is not checked: compare the whole.',
          headers: HEADERS,
          body: 'bytes'
        },
        409: { means: 'The message is not held any more (LEASE_LOST).' },
        416: { means: 'There is no such part.' }
      }
    },
    bodyBytesMax: 0,
    handler: ({ params, headers }) =>
      Promise.resolve(bodyAnswer(holds.body(params.lease!, Number(params.position)), headers))
  }
}

/** What tells which body it is, whoever gives it. */
export function bodyFacts({ sha256 }: LargeBody): Record<string, string> {
  return { etag: `"${sha256}"`, 'repr-digest': `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:` }
}

function bodyAnswer(body: LargeBody, asked: RouteRequest['headers']): RouteAnswer {
  const facts = bodyFacts(body)
  const said = (name: string) => asked[name]?.toString()
  const wanted = wantedOf({ range: said('range'), ifRange: said('if-range') }, { bytes: body.bytes, etag: facts.etag! })
  if (wanted === 'none') {
    const error = new DroprError('REQUEST_BAD', `the body has ${body.bytes} bytes: there is no such part`)
    const { status, headers, body: problem } = problemAnswer(error, '', 416)
    const { requestId: _, ...rest } = problem
    return { status, headers: { ...headers, 'content-range': `bytes */${body.bytes}` }, body: JSON.stringify(rest) }
  }
  const { from, to } = wanted === 'all' ? { from: 0, to: body.bytes } : wanted
  const headers = {
    ...SAFE_BODY,
    ...facts,
    'content-type': BODY_TYPES[body.kind],
    'content-length': String(to - from),
    'accept-ranges': 'bytes'
  }
  if (wanted === 'all') return { status: 200, headers, body: body.stream() }
  const range = `bytes ${from}-${to - 1}/${body.bytes}`
  return { status: 206, headers: { ...headers, 'content-range': range }, body: body.stream(wanted) }
}
