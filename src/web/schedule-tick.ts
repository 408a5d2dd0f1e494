import { DroprError, ERRORS, type ErrorCode } from '../errors.ts'
import type { Ticked } from '../scheduler/index.ts'
import { problemAnswer, problemPart } from '../server/http-problem.ts'
import type { Route } from '../server/route.ts'
import type { WebDesk } from './options.ts'
import { TICKED } from './schedule-schemas.ts'

const FAILED_STATUS = 500

export function tickRoute({ queue }: WebDesk): Route {
  return {
    method: 'POST',
    path: '/v1/schedule/tick',
    schema: {
      id: 'tick',
      summary: 'Hand over all that is due now, and say what became of each; safe beside the scheduler',
      answers: {
        200: {
          means: 'All of it is in the outbox. Otherwise a problem, with the same `fired` and `failed`.',
          body: TICKED
        }
      }
    },
    bodyBytesMax: 0,
    async handler() {
      const ticked = await queue.schedule.tick()
      const fired = ticked.filter(one => one.code === undefined)
      const failures = ticked.filter(one => one.code !== undefined)
      const failed = failures.map(one => {
        const { id, to, channel, dueAt, firedAt } = one
        const { code, detail, retry } = problemPart(tickError(one))
        return { id, to, channel, dueAt, firedAt, code, detail, retry }
      })
      if (failures.length === 0) return { status: 200, body: JSON.stringify({ fired, failed }) }
      const { status, headers, body } = tickProblem(failures)
      return { status, headers, body: JSON.stringify({ ...body, fired, failed }) }
    }
  }
}

/** Why one of them stays held. */
export function tickError({ code, error }: Ticked): DroprError {
  const known = code !== undefined && Object.hasOwn(ERRORS, code)
  return new DroprError(known ? (code as ErrorCode) : 'UNEXPECTED', error ?? 'it could not be handed over')
}

/** Whatever failed, it was not the asker: its status is 500 or above. */
export function tickProblem(failures: readonly Ticked[]) {
  const error = tickError(failures[0]!)
  const { status, headers, body } = problemAnswer(error, '', Math.max(FAILED_STATUS, ERRORS[error.code].http))
  const { requestId: _, ...problem } = body
  return { status, headers, body: problem }
}
