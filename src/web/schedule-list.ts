import { DroprError } from '../errors.ts'
import type { Route } from '../server/route.ts'
import { defined, durationOf, numberOf } from './given.ts'
import { bodyMember } from './message-json.ts'
import type { WebDesk } from './options.ts'
import { FORECAST, ID, PAGE, SHOWN } from './schedule-schemas.ts'
import { exactly, texts } from './schemas.ts'

export function listRoute({ queue }: WebDesk): Route {
  return {
    method: 'GET',
    path: '/v1/schedule',
    schema: {
      id: 'scheduled',
      summary: 'What is held for later, in due order, page by page',
      query: texts('from', 'to', 'channel', 'limit', 'after'),
      answers: { 200: { means: 'A page may be short, or empty, and there is more: see next.', body: PAGE } }
    },
    bodyBytesMax: 0,
    async handler({ query }) {
      const { channel, after } = query
      const [from, to] = [durationOf(query.from), durationOf(query.to)]
      const limit = numberOf(query.limit, 'limit')
      const page = await queue.schedule.list(defined({ from, to, channel, limit, after }))
      return { status: 200, body: JSON.stringify(page) }
    }
  }
}

export function showRoute({ queue }: WebDesk): Route {
  return {
    method: 'GET',
    path: '/v1/schedule/{id}',
    schema: {
      id: 'showScheduled',
      summary: 'What is held under an id, with its body, or what became of it',
      params: exactly({ id: ID }, ['id']),
      answers: {
        200: { means: 'Of what went or was cancelled only the state, for a while.', body: SHOWN },
        404: { means: 'Nothing of that id is known here (DUE_UNKNOWN).' }
      }
    },
    bodyBytesMax: 0,
    async handler({ params }) {
      const id = params.id!
      const { state, messages, unanswered } = await queue.schedule.show(id)
      if (state === 'unknown') throw new DroprError('DUE_UNKNOWN', `no message ${JSON.stringify(id)} is held here`)
      const rows = messages.map(({ body, ...rest }) => {
        const json = JSON.stringify(rest)
        return rest.bodyBytes === undefined ? `${json.slice(0, -1)},${bodyMember(rest.kind, body)}}` : json
      })
      return {
        status: 200,
        body: `${JSON.stringify({ id, state, unanswered }).slice(0, -1)},"messages":[${rows.join()}]}`
      }
    }
  }
}

export function forecastRoute({ queue }: WebDesk): Route {
  return {
    method: 'GET',
    path: '/v1/schedule/forecast',
    schema: {
      id: 'forecast',
      summary: 'How many messages are to come, bucket by bucket',
      answers: { 200: { means: 'In the order of time.', body: FORECAST } }
    },
    bodyBytesMax: 0,
    handler: async () => ({ status: 200, body: JSON.stringify({ buckets: await queue.schedule.forecast() }) })
  }
}
