import type { Route } from '../server/route.ts'
import type { WebDesk } from './options.ts'
import { CHANNEL, exactly, having } from './schemas.ts'

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
      return { status: 200, body: JSON.stringify({ changed: await queue[act](params['channel']!) }) }
    }
  }
}
