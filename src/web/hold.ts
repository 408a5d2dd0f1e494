import { DroprError } from '../errors.ts'
import type { Route } from '../server/route.ts'
import { defined } from './given.ts'
import type { WebDesk } from './options.ts'
import { COUNT, exactly, having, TEXT, texts } from './schemas.ts'

/** Holds one message, or lets it go. */
export function holdRoute({ queue }: WebDesk, act: 'hold' | 'unhold'): Route {
  const what =
    act === 'hold' ? 'Keep a message from being handed out' : 'Let a message that is held go on, in its place'
  return {
    method: 'POST',
    path: `/v1/messages/{id}/${act}`,
    schema: {
      id: act,
      summary: what,
      params: exactly({ id: TEXT }, ['id']),
      query: texts('channel'),
      answers: {
        200: {
          means: 'It is on the disk. A message that somebody has is held once it comes back.',
          body: having({ found: { ...COUNT, description: 'How many of that id are not finished.' } })
        },
        404: { means: 'None of that id waits in the inbox (MESSAGE_UNKNOWN).' }
      }
    },
    bodyBytesMax: 0,
    async handler({ params, query }) {
      const id = params.id!
      const found = await queue[act](id, defined({ channel: query.channel }))
      if (found === 0) throw new DroprError('MESSAGE_UNKNOWN', `no message ${id} waits in the inbox`)
      return { status: 200, body: JSON.stringify({ found }) }
    }
  }
}
