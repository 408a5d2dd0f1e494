import { DroprError } from '../errors.ts'
import { problemAnswer } from '../server/http-problem.ts'
import type { Route, RouteAnswer, RouteRequest } from '../server/route.ts'
import { UPLOAD_BYTES_MAX } from '../wire/upload.ts'
import { formFields } from './form.ts'
import { asError } from './given.ts'
import type { WebDesk } from './options.ts'
import { tickError, tickProblem } from './schedule-tick.ts'

/** Where posts arrive: the text as the body, who posted it in a header. */
const FEED = 'feed'
const POSTER_HEADER = 'poster'

/**
 * The calls of psched, as its curl lines have them, for those who still make them (`compat: { psched: true }`). Answers are its
 * own: `received`, `result` (Success or Failure), `failure`, `externalResult`; but a Failure also has the status of one.
 */
export function pschedRoutes(desk: WebDesk): Route[] {
  return [
    postRoute('/scheduleMessage.php', 'Post later', fields => {
      const { username, message, time } = needed(fields, ['username', 'message', 'time'])
      return post(desk, { username, message, deliverAt: time })
    }),
    postRoute('/postMessage.php', 'Post now', fields => post(desk, needed(fields, ['username', 'message']))),
    checkRoute(desk)
  ]
}

function postRoute(path: string, summary: string, act: (fields: Map<string, string>) => Promise<object>): Route {
  return {
    method: 'POST',
    path,
    schema: { id: path, summary, body: 'form', answers: { 200: { means: 'Success.' } } },
    bodyBytesMax: UPLOAD_BYTES_MAX,
    async handler({ body }: RouteRequest): Promise<RouteAnswer> {
      let received: object = {}
      try {
        const fields = formFields((body as Buffer | undefined) ?? Buffer.alloc(0))
        received = Object.fromEntries(fields)
        const externalResult = await act(fields)
        return { status: 200, body: JSON.stringify({ received, result: 'Success', externalResult }) }
      } catch (error) {
        const { status, detail, code } = problemAnswer(asError(error), '').body
        return { status, body: JSON.stringify({ received, result: 'Failure', failure: detail, code }) }
      }
    }
  }
}

/** @throws DroprError REQUEST_BAD naming what is missing. */
function needed<const Name extends string>(fields: Map<string, string>, names: readonly Name[]): Record<Name, string> {
  for (const name of names)
    if ((fields.get(name) ?? '') === '')
      throw new DroprError('REQUEST_BAD', `${name} is missing or empty: give ${names.join(', ')}`)
  return Object.fromEntries(names.map(name => [name, fields.get(name)!])) as Record<Name, string>
}

function post(
  { queue }: WebDesk,
  { username, message, ...due }: { username: string; message: string; deliverAt?: string }
): Promise<object> {
  return queue.sendMessage(message, { channel: FEED, headers: { [POSTER_HEADER]: username }, ...due })
}

function checkRoute({ queue }: WebDesk): Route {
  return {
    method: 'GET',
    path: '/cron/checkScheduledMessages.php',
    schema: { id: 'check', summary: 'Post what is due', answers: { 200: { means: 'Success.' } } },
    bodyBytesMax: 0,
    async handler() {
      const ticked = await queue.schedule.tick()
      const failures = ticked.filter(one => one.code !== undefined)
      const posted = ticked.filter(one => one.code === undefined)
      const scheduledMessagesPosted = Object.fromEntries(
        posted.map(({ id, to, channel, dueAt, firedAt }) => [id, { to, channel, ...times(dueAt, firedAt) }])
      )
      const externalResult = Object.fromEntries(
        ticked.map(one => [one.id, one.code === undefined ? { result: 'Success' } : failureOf(tickError(one))])
      )
      const resultDetails = ticked.length === 0 ? 'There were no scheduled posts ready to be posted' : undefined
      const [first] = failures
      const said = first === undefined ? { result: 'Success', resultDetails } : failureOf(tickError(first))
      const status = first === undefined ? 200 : tickProblem(failures).status
      return { status, body: JSON.stringify({ ...said, scheduledMessagesPosted, externalResult }) }
    }
  }
}

function times(dueAt: number, firedAt: number) {
  return { scheduledTime: new Date(dueAt).toISOString(), postedTime: new Date(firedAt).toISOString() }
}

function failureOf(error: DroprError) {
  const { detail, code } = problemAnswer(error, '').body
  return { result: 'Failure', failure: detail, code }
}
