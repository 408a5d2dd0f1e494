import { Readable } from 'node:stream'
import { DroprError } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { Clock } from '../system/clock.ts'
import { parseSafeJson } from '../wire/safe-json.ts'
import { checkFits } from './door-check.ts'
import { type BodyBudget, dropRest, readBody, streamBody } from './http-body.ts'
import { type GuardRules, type Rejection, refuseForeignPage, refuseStranger } from './http-guard.ts'
import { factsOf } from './http-request.ts'
import type { HttpApp, HttpReply, HttpRequest } from './http-server.ts'
import type { Route, RouteRequest } from './route.ts'

export interface DoorsOptions {
  doors: readonly Route[]
  clock: Clock
  limits: Limits
  rules: GuardRules
  budget: BodyBudget
  /** Says no before the body is read. */
  reject: (reply: HttpReply, rejection: Rejection) => void
  refuse: (reply: HttpReply, error: unknown, status?: number) => HttpReply
}

/** Whose bodies these are, in the budget. */
const ASKER = 'doors'
const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json *(?:;|$)/i
const FORM = /^multipart\//i
const FIELDS = /^application\/x-www-form-urlencoded *(?:;|$)/i

/** Serves routes that rooms above have described. Their bodies are read once their sender is known, as those of uploads. */
export function openDoors(app: HttpApp, options: DoorsOptions): void {
  const { doors, rules, budget, reject, refuse } = options
  app.decorateRequest('bodyBytes', 0)
  void app.register((scope, _options, done) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (request: HttpRequest) => readDoorBody(request, options))
    scope.setErrorHandler((error, request, reply) => {
      if (!request.raw.complete) {
        if (isStreamed(request)) dropRest(request.raw, options)
        else reply.header('connection', 'close')
      }
      const { told, status } = judge(error)
      return refuse(reply, told, status)
    })
    for (const door of doors) {
      scope.route({
        method: door.method,
        url: door.path.replaceAll(/\{(\w+)\}/g, ':$1'),
        config: { door },
        onRequest: (request, reply, next) => {
          reply.raw.once('close', () => budget.give(ASKER, request.bodyBytes))
          const facts = factsOf(request.raw)
          const refused = refuseForeignPage(facts) ?? refuseStranger(facts, rules) ?? refuseDoorBody(request, door)
          if (refused === undefined) next()
          else reject(reply, refused)
        },
        handler: (request, reply) => serve(door, request, reply, options)
      })
    }
    done()
  })
}

/** The methods that a path of the doors has. */
export function methodsOf(doors: readonly Route[], path: string): string[] {
  const fits = (door: Route) => new RegExp(`^${door.path.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(path)
  return doors.filter(fits).map(door => door.method)
}

async function serve(door: Route, request: HttpRequest, reply: HttpReply, options: DoorsOptions): Promise<HttpReply> {
  const gone = new AbortController()
  const { raw } = reply
  let unsent: (() => void) | undefined
  const lost = () => {
    gone.abort()
    unsent?.()
    unsent = undefined
  }
  raw.once('close', () => {
    if (!raw.writableFinished) lost()
  })
  await checkFits(request, door)
  const { limits } = options
  // A long poll has nothing to say for as long as it waits.
  raw.socket?.setTimeout(0)
  try {
    const { params, query, headers, body } = request
    const answer = await door.handler({
      params: params as RouteRequest['params'],
      query: query as RouteRequest['query'],
      headers,
      body: body ?? undefined,
      signal: gone.signal
    })
    unsent = answer.unsent
    if (gone.signal.aborted) lost()
    // Before its first byte that is a whole answer, of another kind.
    if (answer.body instanceof Readable) answer.body.once('error', lost)
    reply.code(answer.status).header('cache-control', 'no-store').header('x-content-type-options', 'nosniff')
    // From now on there is something to say: a body that nobody takes is cut.
    raw.socket?.setTimeout(Math.max(limits.stallMsMax, limits.answerMsMax))
    if (typeof answer.body === 'string') reply.header('content-type', 'application/json; charset=utf-8')
    return await reply.headers({ ...answer.headers }).send(answer.body)
  } finally {
    // After a whole answer the connection rests for as long as its headers say.
    if (!raw.writableFinished) raw.socket?.setTimeout(Math.max(limits.stallMsMax, limits.answerMsMax))
  }
}

/** What is wrong with a body before it is read. */
function refuseDoorBody({ raw }: HttpRequest, { schema, bodyBytesMax }: Route): Rejection | undefined {
  const refuse = (status: number, text: string): Rejection => ({ status, code: 'REQUEST_BAD', text })
  const { 'content-type': type, 'content-length': length, 'content-encoding': encoding } = raw.headers
  const chunked = raw.headers['transfer-encoding'] !== undefined
  if (!chunked && (length === undefined || length === '0')) return undefined
  if (encoding !== undefined && encoding !== 'identity') return refuse(415, 'packed bodies are not taken')
  if (schema.body === undefined) return refuse(413, 'this takes no body')
  if (schema.body === 'bytes' && FORM.test(type ?? '')) return refuse(415, 'the body must not be a form')
  if (schema.body === 'form' && !FIELDS.test(type ?? ''))
    return refuse(415, 'the body must be application/x-www-form-urlencoded')
  if (typeof schema.body === 'object' && !JSON_TYPE.test(type ?? ''))
    return refuse(415, 'the body must be application/json')
  return Number(length) > bodyBytesMax ? tooLarge(schema.body === 'bytes', bodyBytesMax) : undefined
}

function tooLarge(message: boolean, bytesMax: number): Rejection {
  const code = message ? 'MESSAGE_TOO_LARGE' : 'REQUEST_BAD'
  return { status: 413, code, text: `the body may have at most ${bytesMax} bytes` }
}

/** Whether its body is given piece by piece. */
function isStreamed({ raw, routeOptions }: HttpRequest): boolean {
  const { heldBytesMax } = routeOptions.config.door!
  const said = raw.headers['content-length']
  return heldBytesMax !== undefined && (said === undefined || Number(said) > heldBytesMax)
}

async function readDoorBody(request: HttpRequest, options: DoorsOptions): Promise<unknown> {
  const { clock, limits, budget } = options
  const { schema, bodyBytesMax, heldBytesMax = 0 } = request.routeOptions.config.door!
  const said = request.raw.headers['content-length']
  const streamed = isStreamed(request)
  const bytes = streamed ? heldBytesMax + limits.blobPieceBytes : said === undefined ? bodyBytesMax : Number(said)
  if (!budget.take(ASKER, bytes)) throw new DroprError('SERVER_BUSY', 'too many bodies at once')
  request.bodyBytes = bytes
  if (streamed) return streamBody(request.raw, { clock, limits })
  const world = { clock, limits, progress: () => undefined }
  const body = await readBody(request.raw, bytes, world, said !== undefined)
  if (body.over) throw new Refused(tooLarge(schema.body === 'bytes', bodyBytesMax))
  if (!body.whole) throw new DroprError('REQUEST_BAD', 'the body was cut, or came too slowly')
  if (typeof schema.body === 'string') return body.bytes
  // Many libraries name a type and the length 0 where nothing is said.
  if (body.bytes.length === 0) return null
  try {
    return parseSafeJson(body.bytes.toString())
  } catch (error) {
    throw new DroprError('REQUEST_BAD', `the body is not JSON: ${(error as Error).message}`, error)
  }
}

/** A refusal found after the hooks. */
class Refused extends Error {
  readonly rejection: Rejection

  constructor(rejection: Rejection) {
    super(rejection.text)
    this.rejection = rejection
  }
}

/** What goes out for an error of a door: a TypeError is the asker's fault. */
function judge(error: unknown): { told: unknown; status?: number } {
  if (error instanceof Refused) {
    const { code, text, status } = error.rejection
    return { told: new DroprError(code, text), status }
  }
  if (error instanceof TypeError) return { told: new DroprError('REQUEST_BAD', error.message, error) }
  return { told: error }
}
