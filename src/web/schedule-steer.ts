import { DroprError } from '../errors.ts'
import type { Body } from '../message.ts'
import type { LaterOptions } from '../queue/later.ts'
import { checkDuration } from '../queue/options.ts'
import type { HeldState, Steered } from '../scheduler/index.ts'
import { problemAnswer } from '../server/http-problem.ts'
import type { Route, RouteAnswer } from '../server/route.ts'
import { UPLOAD_BYTES_MAX } from '../wire/upload.ts'
import { bytesOf, defined } from './given.ts'
import type { WebDesk } from './options.ts'
import { DUE_GIVEN, ID, STEERED } from './schedule-schemas.ts'
import { exactly, TEXT } from './schemas.ts'

const ANSWERS = {
  200: { means: 'So it is, on the disk.', body: STEERED },
  404: { means: 'Nothing of that id is known here (DUE_UNKNOWN).' },
  409: { means: 'The hand-over, or a cancel, was first (DUE_GONE).' }
} as const
const PARAMS = exactly({ id: ID }, ['id'])

export function cancelRoute({ queue }: WebDesk): Route {
  return {
    method: 'DELETE',
    path: '/v1/schedule/{id}',
    schema: { id: 'cancel', summary: 'Cancel a message that is held for later', params: PARAMS, answers: ANSWERS },
    bodyBytesMax: 0,
    handler: async ({ params }) => steeredAnswer(await queue.schedule.cancel(params.id!), 'cancelled')
  }
}

export function sendNowRoute({ queue }: WebDesk): Route {
  return {
    method: 'POST',
    path: '/v1/schedule/{id}/now',
    schema: {
      id: 'sendNow',
      summary: 'Send it now; answered when it is in the outbox',
      params: PARAMS,
      answers: ANSWERS
    },
    bodyBytesMax: 0,
    handler: async ({ params }) => steeredAnswer(await queue.schedule.sendNow(params.id!), 'fired')
  }
}

interface Changed extends LaterOptions {
  body?: Body
  bodyBase64?: string
}

export function changeRoute({ queue, clock }: WebDesk): Route {
  return {
    method: 'PATCH',
    path: '/v1/schedule/{id}',
    schema: {
      id: 'reschedule',
      summary: 'Give a held message another time, another body, or both',
      params: PARAMS,
      body: exactly({
        ...DUE_GIVEN,
        body: { description: 'A text is kept as text, anything else as JSON.' },
        bodyBase64: { ...TEXT, description: 'Instead of body: bytes.' }
      }),
      answers: ANSWERS
    },
    bodyBytesMax: UPLOAD_BYTES_MAX,
    async handler({ params, body }) {
      const id = params.id!
      const { deliverAt, delay, rejectPast, body: value, bodyBase64 } = body as Changed
      if (deliverAt !== undefined && delay !== undefined) throw new TypeError('deliverAt and delay exclude each other')
      if (value !== undefined && bodyBase64 !== undefined) throw new TypeError('body and bodyBase64 exclude each other')
      const when = deliverAt ?? (delay === undefined ? undefined : clock.now() + checkDuration(delay, 'delay'))
      const changed = bodyBase64 === undefined ? value : bytesOf(bodyBase64)
      if (when === undefined && changed === undefined)
        throw new TypeError('give a time (deliverAt, delay), a body (body, bodyBase64), or both')
      return steeredAnswer(await queue.schedule.change(id, defined({ when, rejectPast, body: changed })))
    }
  }
}

/**
 * A wish that came too late is a problem, so that nobody takes it for done; its members still say what is so.
 *
 * @param wanted The state that makes it fulfilled whoever came first: a request whose answer was lost may be said again.
 */
function steeredAnswer(steered: Steered, wanted?: HeldState): RouteAnswer {
  const { id, done, state, dueAt, unanswered } = steered
  if (done || state === wanted) return { status: 200, body: JSON.stringify(steered) }
  const said = JSON.stringify(id)
  const error =
    state === 'unknown'
      ? new DroprError('DUE_UNKNOWN', `no message ${said} is held here`)
      : new DroprError('DUE_GONE', `${said} was ${state === 'fired' ? 'handed over' : state} before`)
  const { status, headers, body } = problemAnswer(error, '')
  const { requestId: _, ...problem } = body
  return { status, headers, body: JSON.stringify({ ...problem, id, done, state, dueAt, unanswered }) }
}
