import type { Route } from '../server/route.ts'
import { defined, numberOf } from './given.ts'
import { messageJson } from './message-json.ts'
import type { WebDesk } from './options.ts'
import { ANSWER_BYTES_MAX } from './poll.ts'
import { CHANNEL, exactly, having, MESSAGE, TEXT, texts } from './schemas.ts'

export function peekRoute({ queue }: WebDesk): Route {
  return {
    method: 'GET',
    path: '/v1/queues/{channel}/peek',
    schema: {
      id: 'peek',
      summary: 'Look at what the next polls would give, and leave it as it is',
      params: exactly({ channel: CHANNEL }, ['channel']),
      query: texts('max'),
      answers: {
        200: { means: 'In order.', body: having({ messages: { type: 'array', items: MESSAGE } }) }
      }
    },
    bodyBytesMax: 0,
    async handler({ params, query }) {
      const { channel } = params
      const given = defined({ channel, max: numberOf(query.max, 'max') })
      const messages = await queue.peek({ ...given, maxBytes: ANSWER_BYTES_MAX })
      return { status: 200, body: `{"messages":[${messages.map(message => messageJson(message)).join()}]}` }
    }
  }
}

export function statusRoute({ status }: WebDesk): Route {
  const list = { type: 'array', items: { type: 'object' } }
  return {
    method: 'GET',
    path: '/v1/status',
    schema: {
      id: 'status',
      summary: 'How many messages wait in which channel, and how the peers are',
      answers: {
        200: { means: 'As `dropr status --json` says it.', body: having({ node: TEXT, channels: list, peers: list }) }
      }
    },
    bodyBytesMax: 0,
    handler: async () => ({ status: 200, body: JSON.stringify(await status()) })
  }
}
