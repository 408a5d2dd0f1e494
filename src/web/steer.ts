import type { Route } from '../server/route.ts'
import type { WebDesk } from './options.ts'
import { CHANNEL, COUNT, exactly, having } from './schemas.ts'

/** Pauses a channel, or resumes it. */
export function steerRoute({ queue }: WebDesk, act: 'pause' | 'resume'): Route {
  const what = act === 'pause' ? 'Hand out nothing of a channel until it is resumed' : 'Hand out messages again'
  return {
    method: 'POST',
    path: `/v1/queues/{channel}/${act}`,
    schema: {
      id: act,
      summary: what,
      params: exactly({ channel: CHANNEL }, ['channel']),
      answers: {
        200: {
          means: 'It is on the disk.',
          body: having({ changed: { type: 'boolean', description: 'False: it was so before.' } })
        }
      }
    },
    bodyBytesMax: 0,
    async handler({ params }) {
      return { status: 200, body: JSON.stringify({ changed: await queue[act](params.channel!) }) }
    }
  }
}

/** Removes a channel in which nothing is left to do. */
export function removeChannelRoute({ queue }: WebDesk): Route {
  return {
    method: 'POST',
    path: '/v1/queues/{channel}/remove',
    schema: {
      id: 'removeChannel',
      summary: 'Remove a channel in which nothing is left to do; a later message makes it again',
      params: exactly({ channel: CHANNEL }, ['channel']),
      query: exactly({
        dryRun: { type: 'string', enum: ['true', 'false'], description: 'true: change nothing, say what would go.' }
      }),
      answers: {
        200: {
          means: 'It is gone, durably.',
          body: having({
            files: { ...COUNT, description: 'So many went.' },
            bytes: { ...COUNT, description: 'On the disk.' },
            left: { type: 'object', additionalProperties: COUNT, description: 'Segments that stay: `sent`, `dead`.' }
          })
        },
        409: { means: 'Something waits, is held, leased, unsent or dead there (CHANNEL_NOT_EMPTY).' }
      }
    },
    bodyBytesMax: 0,
    async handler({ params, query }) {
      const dryRun = query.dryRun === 'true'
      return { status: 200, body: JSON.stringify(await queue.removeChannel(params.channel!, { dryRun })) }
    }
  }
}
