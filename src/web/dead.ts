import type { JsonSchema, Route } from '../server/route.ts'
import { bodyMember } from './message-json.ts'
import {
  ASKED_BYTES_MAX,
  FILTER_QUERY,
  filterOfQuery,
  MOVE_BODY,
  MOVED_ANSWERS,
  movedAnswer,
  moveOptions
} from './moves.ts'
import type { WebDesk } from './options.ts'
import { CHANNEL, COUNT, exactly, having, TEXT, WALL_MS } from './schemas.ts'

const LETTER: JsonSchema = having({
  id: TEXT,
  channel: CHANNEL,
  priority: COUNT,
  from: { ...TEXT, description: 'The node that sent it.' },
  stream: TEXT,
  position: COUNT,
  state: { enum: ['dead', 'moved', 'dropped'] },
  sentAt: WALL_MS,
  deadAt: WALL_MS,
  reason: TEXT,
  code: TEXT,
  by: { ...TEXT, description: 'The node that gave it up.' },
  attempts: { type: 'array', items: having({ at: WALL_MS, reason: TEXT }) },
  bytes: COUNT
})

export function deadRoutes({ queue }: WebDesk): Route[] {
  return [
    {
      method: 'GET',
      path: '/v1/dead',
      schema: {
        id: 'dead',
        summary: 'The messages that were given up, page by page',
        query: FILTER_QUERY,
        answers: {
          200: {
            means: 'Up to limit (50) of them; next, where there may be more.',
            body: {
              type: 'object',
              required: ['letters'],
              properties: { letters: { type: 'array', items: LETTER }, next: TEXT }
            }
          }
        }
      },
      bodyBytesMax: 0,
      async handler({ query }) {
        const { after } = query
        const page = await queue.dead.list({ ...filterOfQuery(query), ...(after !== undefined && { after }) })
        return { status: 200, body: JSON.stringify(page) }
      }
    },
    {
      method: 'GET',
      path: '/v1/dead/{id}',
      schema: {
        id: 'showDead',
        summary: 'All deaths of one message, with its body',
        params: exactly({ id: TEXT }, ['id']),
        answers: {
          200: {
            means: 'One for each peer and each death; none where nothing of that id ever died here.',
            body: having({ letters: { type: 'array', items: LETTER } })
          }
        }
      },
      bodyBytesMax: 0,
      async handler({ params }) {
        const letters = await queue.dead.show(params.id!)
        const rows = letters.map(({ body, ...rest }) => {
          const json = JSON.stringify(rest)
          return rest.bodyBytes === undefined ? `${json.slice(0, -1)},${bodyMember(rest.kind, body)}}` : json
        })
        return { status: 200, body: `{"letters":[${rows.join()}]}` }
      }
    },
    {
      method: 'POST',
      path: '/v1/dead/redrive',
      schema: {
        id: 'redrive',
        summary: 'Put dead letters back to where they were going',
        body: MOVE_BODY,
        answers: MOVED_ANSWERS
      },
      bodyBytesMax: ASKED_BYTES_MAX,
      handler: async ({ body, signal }) => movedAnswer(await queue.dead.redrive(moveOptions(body, signal)))
    },
    {
      method: 'POST',
      path: '/v1/dead/remove',
      schema: { id: 'removeDead', summary: 'Throw dead letters away', body: MOVE_BODY, answers: MOVED_ANSWERS },
      bodyBytesMax: ASKED_BYTES_MAX,
      handler: async ({ body, signal }) => movedAnswer(await queue.dead.remove(moveOptions(body, signal)))
    }
  ]
}
