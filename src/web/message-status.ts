import type { Route } from '../server/route.ts'
import type { WebDesk } from './options.ts'
import { CHANNEL, exactly, having, TEXT, WALL_MS } from './schemas.ts'

const STATE = {
  enum: ['unknown', 'scheduled', 'pending', 'delivered', 'processed', 'dead', 'expired', 'cancelled'],
  description: 'delivered: on the disk of the node it is for. processed: a consumer there has acknowledged it.'
} as const

const DELIVERY = {
  type: 'object',
  required: ['peer', 'channel', 'state', 'delivered', 'at'],
  properties: {
    peer: TEXT,
    channel: CHANNEL,
    state: STATE,
    delivered: { type: 'boolean', description: 'The node it is for has, or had, it on its disk.' },
    at: { ...WALL_MS, description: 'Since when that is so, about; milliseconds since 1970, UTC.' },
    dueAt: WALL_MS,
    result: { description: 'processed: what its consumer said with the ack.' },
    reason: { ...TEXT, description: 'dead: why.' }
  }
} as const

/** How far a message of this node has come: `queue.status`. */
export function messageStatusRoute({ queue }: WebDesk): Route {
  return {
    method: 'GET',
    path: '/v1/messages/{id}',
    schema: {
      id: 'messageStatus',
      summary: 'How far a message that was sent from here has come, on its way to each node it is for',
      params: exactly({ id: TEXT }, ['id']),
      answers: {
        200: {
          means: 'As far as is known; `unknown` when nothing is.',
          body: having({ id: TEXT, state: STATE, deliveries: { type: 'array', items: DELIVERY } })
        }
      }
    },
    bodyBytesMax: 0,
    handler: async ({ params }) => ({ status: 200, body: JSON.stringify(await queue.status(params.id!)) })
  }
}
