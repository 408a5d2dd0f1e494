import type { Route } from '../server/route.ts'
import { ASKED_BYTES_MAX, MOVE_BODY, MOVED_ANSWERS, movedAnswer, moveOptions, PURGE_BODY } from './moves.ts'
import type { WebDesk } from './options.ts'

export function purgeRoutes({ queue }: WebDesk): Route[] {
  return [
    {
      method: 'POST',
      path: '/v1/purge',
      schema: { id: 'purge', summary: 'Destroy messages that wait', body: PURGE_BODY, answers: MOVED_ANSWERS },
      bodyBytesMax: ASKED_BYTES_MAX,
      handler: async ({ body, signal }) => movedAnswer(await queue.purge(moveOptions(body, signal)))
    },
    {
      method: 'POST',
      path: '/v1/replay',
      schema: {
        id: 'replay',
        summary: 'Let acknowledged messages that are still kept come again',
        body: MOVE_BODY,
        answers: MOVED_ANSWERS
      },
      bodyBytesMax: ASKED_BYTES_MAX,
      handler: async ({ body, signal }) => movedAnswer(await queue.replay(moveOptions(body, signal)))
    }
  ]
}
