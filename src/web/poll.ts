import type { PollOptions } from '../queue/receive-options.ts'
import type { Route } from '../server/route.ts'
import { messageJson } from './message-json.ts'
import type { WebDesk } from './options.ts'
import { CHANNEL, DURATION, exactly, LEASE, MESSAGE, WALL_MS } from './schemas.ts'
import { take } from './take.ts'

/** Bodies of one answer, about: in JSON they are longer. */
export const ANSWER_BYTES_MAX = 8_388_608
export const MESSAGES_MAX = 1_000
const BODY_BYTES_MAX = 2_097_152

export function pollRoute(desk: WebDesk): Route {
  const { holds } = desk
  return {
    method: 'POST',
    path: '/v1/poll',
    schema: {
      id: 'poll',
      summary: 'Take messages, leased together',
      body: {
        ...exactly({
          channel: { ...CHANNEL, description: 'Default: common.' },
          channels: { type: 'array', items: CHANNEL, description: 'Several, served fairly. Instead of channel.' },
          max: { type: 'integer', minimum: 1, maximum: MESSAGES_MAX, description: 'Messages at most; 1.' },
          wait: { ...DURATION, description: 'How long to wait for the first; 0, at most 10m.' },
          lease: { ...DURATION, description: 'How long they are held for you. Default: leaseMs of the node.' }
        }),
        type: ['object', 'null']
      },
      answers: {
        200: {
          means: 'Without a lease when there were none.',
          body: {
            type: 'object',
            required: ['messages'],
            properties: { lease: LEASE, leaseUntil: WALL_MS, messages: { type: 'array', items: MESSAGE } }
          }
        }
      }
    },
    bodyBytesMax: BODY_BYTES_MAX,
    async handler({ body, signal }) {
      const options = (body ?? {}) as PollOptions & { max?: number }
      const messages = await take(desk, { max: 1, ...options, maxBytes: ANSWER_BYTES_MAX }, signal)
      if (messages.length === 0) return { status: 200, body: '{"messages":[]}' }
      const texts = messages.map((message, position) => messageJson(message, { position }))
      const { leaseUntil } = messages[0]!
      const hold = holds.add(messages)
      const head = JSON.stringify({ lease: hold.lease, leaseUntil }).slice(0, -1)
      return { status: 200, body: `${head},"messages":[${texts.join()}]}`, unsent: () => holds.giveBack(hold) }
    }
  }
}
