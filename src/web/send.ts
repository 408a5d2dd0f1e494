import { DroprError } from '../errors.ts'
import { type Body, CHANNEL_DEFAULT, PRIORITY } from '../message.ts'
import { said } from '../queue/options.ts'
import type { Receipt } from '../queue/receipt.ts'
import type { SendOptions } from '../queue/send-options.ts'
import { problemAnswer, problemPart } from '../server/http-problem.ts'
import type { JsonSchema, Route } from '../server/route.ts'
import { UPLOAD_BYTES_MAX } from '../wire/upload.ts'
import { asError, bytesOf, idempotencyKey } from './given.ts'
import type { WebDesk } from './options.ts'
import { DUE_GIVEN } from './schedule-schemas.ts'
import { CHANNEL, COUNT, DURATION, exactly, having, RECEIPT, TEXT, WALL_MS } from './schemas.ts'

const MESSAGES_MAX = 10_000

const MESSAGE_GIVEN: JsonSchema = {
  ...exactly({
    body: { description: 'A text is sent as text, anything else as JSON.' },
    bodyBase64: { ...TEXT, description: 'Instead of body: bytes.' },
    channel: CHANNEL,
    to: { type: ['string', 'array'], items: TEXT, description: 'A configured peer, or several. Default: this node.' },
    id: { ...TEXT, description: 'Sent again with the same id, it is there once. Default: a new one.' },
    priority: { type: 'integer', minimum: PRIORITY.min, maximum: PRIORITY.max, description: 'Higher first; 4.' },
    headers: { type: 'object', additionalProperties: TEXT },
    key: { ...TEXT, description: 'Messages of one key are handed out one at a time, in order.' },
    expiresAt: WALL_MS,
    ttl: DURATION,
    receipt: { type: 'boolean', description: 'That node tells this one what its consumer made of it.' },
    durability: { enum: ['synced', 'buffered'] },
    ...DUE_GIVEN
  }),
  examples: [{ body: { order: 17 }, channel: 'orders', to: 'tokyo' }]
}

export const KEY_HEADER: JsonSchema = exactly({
  'idempotency-key': {
    ...TEXT,
    description: 'The id of the message: the same request, sent again, sends nothing twice.'
  }
})

interface Given extends Omit<SendOptions, 'id' | 'kind' | 'signal'> {
  body?: Body
  bodyBase64?: string
  id?: string
}

export function sendRoute({ queue }: WebDesk): Route {
  return {
    method: 'POST',
    path: '/v1/messages',
    schema: {
      id: 'send',
      summary: 'Send a message',
      headers: KEY_HEADER,
      body: MESSAGE_GIVEN,
      answers: { 201: { means: 'It is on the disk of this node.', body: RECEIPT } }
    },
    bodyBytesMax: UPLOAD_BYTES_MAX,
    async handler(request) {
      const receipt = await send(queue, request.body as Given, idempotencyKey(request))
      return { status: 201, body: JSON.stringify(receipt) }
    }
  }
}

export function sendManyRoute({ queue }: WebDesk): Route {
  const result = { anyOf: [RECEIPT, having({ code: TEXT, detail: TEXT, retry: { type: 'boolean' }, status: COUNT })] }
  return {
    method: 'POST',
    path: '/v1/messages/batch',
    schema: {
      id: 'sendMany',
      summary: 'Send several messages, each for itself',
      headers: exactly({
        'idempotency-key': { ...TEXT, description: 'Message n without an id of its own gets this, a hyphen and n.' }
      }),
      body: exactly({ messages: { type: 'array', items: MESSAGE_GIVEN, maxItems: MESSAGES_MAX } }, ['messages']),
      answers: {
        201: {
          means: 'All are on the disk of this node. Otherwise a problem, with the same `results`.',
          body: having({ results: { type: 'array', items: result } })
        }
      }
    },
    bodyBytesMax: UPLOAD_BYTES_MAX,
    async handler(request) {
      const { messages } = request.body as { messages: Given[] }
      const key = idempotencyKey(request)
      refuseTwice(messages, queue.node)
      // All in this turn: they keep their order, and share a commit.
      const sent = await Promise.allSettled(
        messages.map((given, i) => send(queue, given, given.id ?? (key === undefined ? undefined : `${key}-${i}`)))
      )
      return manyAnswer(201, sent)
    }
  }
}

/** The second of two with one id would be dropped where they arrive: nothing of such a batch is sent. @throws DroprError ID_REPEATED */
function refuseTwice(messages: readonly Given[], here: string): void {
  const seen = new Map<string, number>()
  for (const [i, { id, to, channel = CHANNEL_DEFAULT }] of messages.entries()) {
    if (id === undefined) continue
    for (const peer of [to ?? here].flat()) {
      const place = JSON.stringify([peer, channel, id])
      const first = seen.get(place)
      if (first !== undefined)
        throw new DroprError('ID_REPEATED', `messages ${first} and ${i} of the batch have the same id, ${said(id)}`)
      seen.set(place, i)
    }
  }
}

async function send(queue: WebDesk['queue'], given: Given, key: string | undefined): Promise<Receipt> {
  const { body, bodyBase64, ...options } = given
  if ((body === undefined) === (bodyBase64 === undefined)) throw new TypeError('give either body or bodyBase64')
  if (key !== undefined && options.id !== undefined && options.id !== key)
    throw new TypeError('id and idempotency-key are different')
  const bytes = bodyBase64 === undefined ? undefined : bytesOf(bodyBase64)
  return await queue.sendMessage(bytes ?? body!, { ...options, ...(key !== undefined && { id: key }) })
}

/** An answer about several things: where one failed, it is a problem too, so that nobody takes it for done. */
export function manyAnswer(status: number, settled: readonly PromiseSettledResult<object>[]) {
  const results = settled.map(result =>
    result.status === 'fulfilled' ? result.value : problemPart(asError(result.reason))
  )
  const failed = settled.find(result => result.status === 'rejected')
  if (failed === undefined) return { status, body: JSON.stringify({ results }) }
  const { headers, ...problem } = problemAnswer(asError(failed.reason), '')
  const { requestId: _, ...body } = problem.body
  return { status: problem.status, headers, body: JSON.stringify({ ...body, results }) }
}
