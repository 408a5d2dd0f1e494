import { createRequire } from 'node:module'
import type { AddressInfo, Socket } from 'node:net'
import type * as fastifyPackage from 'fastify'
import type { FastifyInstance, FastifyReply, FastifyRequest, onRequestHookHandler } from 'fastify'
import { DroprError } from '../errors.ts'
import { Blocks } from '../journal/blocks.ts'
import type { Limits } from '../limits.ts'
import type { Clock } from '../system/clock.ts'
import type { Log } from '../system/log.ts'
import type { Random } from '../system/random.ts'
import { encodeAnswer } from '../wire/answer.ts'
import { BLOB_PATH } from '../wire/blob.ts'
import { type Decode, decodeBlobUpload, decodeUpload } from '../wire/headers.ts'
import type { ReceiveUpload } from '../wire/transport.ts'
import { ANSWER_TYPE, ENTRIES_TYPE, UPLOAD_BYTES_MAX, UPLOAD_PATH } from '../wire/upload.ts'
import { limitConnections } from './connection-shares.ts'
import { BodyBudget, dropRest, readBody } from './http-body.ts'
import { methodsOf, openDoors } from './http-doors.ts'
import { errorAnswer, errorOf, statusOf, typedError } from './http-errors.ts'
import {
  type GuardRules,
  isLoopback,
  mayLook,
  peerOf,
  type Rejection,
  refuseForeignPage,
  refuseHost
} from './http-guard.ts'
import { problemAnswer } from './http-problem.ts'
import { factsOf, refuseBody } from './http-request.ts'
import type { Route } from './route.ts'

export type HttpApp = FastifyInstance
export type HttpRequest = FastifyRequest
export type HttpReply = FastifyReply

export interface HttpServerOptions {
  clock: Clock
  random: Random
  log: Log
  limits: Limits
  rules: GuardRules
  receive: ReceiveUpload
  /** `ok` (true when not said) is for everybody, the rest for who may look. */
  health: () => Readonly<Record<string, unknown>> | Promise<Readonly<Record<string, unknown>>>
  /** Other ways in, besides uploads. */
  doors?: readonly Route[]
}

/** An import looks through its files for names first: a quarter of all that loading it takes. */
const { fastify }: typeof fastifyPackage = createRequire(import.meta.url)('fastify')

const HEADERS_MS_MAX = 10_000
const HEADER_BYTES_MAX = 16_384
const KEEP_ALIVE_MS = 60_000
const CHECK_MS = 2_000
const BODIES_BYTES_MAX = 268_435_456
const NO_BODY = { bytes: Buffer.alloc(0), whole: true }
const ROUTES: ReadonlyMap<string, string> = new Map([
  [`/${UPLOAD_PATH}`, 'POST'],
  [`/${BLOB_PATH}`, 'POST'],
  ['/health', 'GET']
])

function noCompiler(): never {
  throw new Error('routes of fastify have no schemas here')
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Who sent it, once proven. */
    peer: string
    /** Taken from the budget, for a door. */
    bodyBytes: number
  }
  interface FastifyContextConfig {
    door?: Route
  }
}

/** HTTP in front of a receiver. The only door to fastify. Reads no body before its sender is known. */
export class HttpServer {
  readonly #options: HttpServerOptions
  readonly #app: FastifyInstance
  readonly #budget = new BodyBudget({ bytesMax: BODIES_BYTES_MAX, peerBytesMax: BODIES_BYTES_MAX / 2 })
  readonly #blocks = new Blocks()
  readonly #name: string
  #requests = 0

  constructor(options: HttpServerOptions) {
    const { limits, random } = options
    this.#options = options
    this.#name = random.bytes(4).toString('hex')
    this.#app = fastify({
      logger: false,
      // A body is judged by its progress; node:http would judge it by its age.
      requestTimeout: 0,
      connectionTimeout: Math.max(limits.stallMsMax, limits.answerMsMax),
      keepAliveTimeout: KEEP_ALIVE_MS,
      http: { headersTimeout: HEADERS_MS_MAX, connectionsCheckingInterval: CHECK_MS, maxHeaderSize: HEADER_BYTES_MAX },
      bodyLimit: UPLOAD_BYTES_MAX,
      exposeHeadRoutes: false,
      // An id of 255 bytes, each percent-encoded.
      routerOptions: { maxParamLength: 765 },
      // Its own would be loaded now; door-check.ts loads one when somebody asks, and answers are JSON without a schema.
      schemaController: { compilersFactory: { buildValidator: noCompiler, buildSerializer: noCompiler } },
      clientErrorHandler: (error, socket) => this.#refuseRaw(error, socket),
      frameworkErrors: (_error, _request, reply) => {
        void this.#refuse(reply, new DroprError('REQUEST_BAD', 'no such path'), 400)
      }
    })
    limitConnections(this.#app.server, {
      allMax: limits.serverConnectionsMax,
      addressMax: Math.ceil(limits.serverConnectionsMax / 2)
    })
    this.#routes()
  }

  /** @throws DroprError CONFIG_BAD when the address is beyond loopback and no peer is accepted, or cannot be listened on. */
  async listen(at: { host: string; port: number }): Promise<{ host: string; port: number }> {
    const { host, port } = at
    if (!isLoopback(host) && this.#options.rules.accepted.size === 0)
      throw new DroprError(
        'CONFIG_BAD',
        `listen: ${host} is beyond loopback, which needs \`accept\` with a token for each peer`
      )
    try {
      await this.#app.listen({ host, port })
    } catch (error) {
      throw new DroprError('CONFIG_BAD', `listen: ${host}:${port}: ${(error as Error).message}`, error)
    }
    const address = this.#app.server.address() as AddressInfo
    return { host: address.address, port: address.port }
  }

  /** Takes no more, lets uploads in hand finish for so long, then cuts them. */
  async close({ withinMs }: { withinMs: number }): Promise<void> {
    const stop = new AbortController()
    const closed = this.#app.close().finally(() => stop.abort())
    await this.#options.clock.sleep(withinMs, stop.signal)
    this.#app.server.closeAllConnections()
    await closed
  }

  #routes(): void {
    const app = this.#app
    const { rules, health, doors = [] } = this.#options
    app.decorateRequest('peer', '')
    app.removeAllContentTypeParsers()
    // The body is read by the handler, which knows how long it is and whose.
    app.addContentTypeParser(ENTRIES_TYPE, (_request, _payload, done) => done(null))
    app.addHook('onRequest', (request, reply, done) => {
      const rejection = refuseHost(factsOf(request.raw), rules)
      if (rejection) this.#reject(reply, rejection)
      else done()
    })
    const onRequest: onRequestHookHandler = (request, reply, done) => {
      const facts = factsOf(request.raw)
      const judged = refuseForeignPage(facts) ?? refuseBody(request.raw) ?? peerOf(facts, rules)
      if (!('peer' in judged)) {
        this.#reject(reply, judged)
        return
      }
      request.peer = judged.peer
      done()
    }
    app.post(`/${UPLOAD_PATH}`, { onRequest, handler: (request, reply) => this.#upload(request, reply, decodeUpload) })
    app.post(`/${BLOB_PATH}`, {
      onRequest,
      handler: (request, reply) => this.#upload(request, reply, decodeBlobUpload)
    })
    app.get('/health', async (request, reply) => {
      const { ok = true, ...more } = await health()
      reply.code(ok === true ? 200 : 503).header('cache-control', 'no-store')
      return { ok, ...(mayLook(factsOf(request.raw), rules) ? more : {}) }
    })
    app.setNotFoundHandler((request, reply) => {
      const path = request.url.split('?')[0]!
      const method = ROUTES.get(path) ?? methodsOf(doors, path).join(', ')
      if (method !== '') reply.header('allow', method)
      const error = new DroprError('REQUEST_BAD', method === '' ? 'no such path' : `use ${method}`)
      return this.#refuse(reply, error, method === '' ? 404 : 405)
    })
    if (doors.length > 0) {
      const [reject, refuse] = [this.#reject.bind(this), this.#refuse.bind(this)]
      openDoors(app, { ...this.#options, doors, budget: this.#budget, reject, refuse })
    }
    app.setErrorHandler((error, _request, reply) => this.#refuse(reply, errorOf(error), statusOf(error)))
  }

  async #upload(request: FastifyRequest, reply: FastifyReply, decode: Decode): Promise<FastifyReply> {
    const { clock, limits, receive } = this.#options
    const { peer, raw } = request
    const bytes = Number(raw.headers['content-length'])
    if (!this.#budget.take(peer, bytes)) {
      this.#reject(reply, { status: 503, code: 'SERVER_BUSY', text: 'too many uploads at once' })
      return reply
    }
    try {
      const progress = () => reply.raw.writeProcessing()
      const body = bytes === 0 ? NO_BODY : await readBody(raw, bytes, { clock, limits, blocks: this.#blocks, progress })
      if (!body.whole) reply.header('connection', 'close')
      const answer = await receive(decode(raw.headers, body, progress), peer)
      // What was taken is written, and nobody else holds it. After an error nobody knows.
      this.#blocks.give(body.bytes)
      return await reply
        .header('content-type', ANSWER_TYPE)
        .header('cache-control', 'no-store')
        .send(encodeAnswer(answer))
    } finally {
      this.#budget.give(peer, bytes)
    }
  }

  #reject(reply: FastifyReply, { status, code, text }: Rejection): void {
    dropRest(reply.request.raw, this.#options)
    void this.#refuse(reply, new DroprError(code, text), status)
  }

  #refuse(reply: FastifyReply, error: unknown, status?: number): FastifyReply {
    // With doors, whoever does not upload is no node, and is told problems in the way of everybody else.
    const nodes = this.#options.doors === undefined || ROUTES.has(reply.request.url.split('?')[0]!)
    const answer = (nodes ? errorAnswer : problemAnswer)(error, this.#requestId(), status)
    if (answer.status >= 500 || answer.body.code === 'PEER_FORBIDDEN') {
      const { code, message } = typedError(error)
      this.#options.log.warn({ code, error: message, requestId: answer.body.requestId }, 'a request was refused')
    }
    return reply.code(answer.status).headers(answer.headers).send(JSON.stringify(answer.body))
  }

  /** What node:http could not read as HTTP, or did not want to wait for. */
  #refuseRaw(error: Error & { code?: string }, socket: Socket): void {
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy()
      return
    }
    const status = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400
    const { body } = errorAnswer(new DroprError('REQUEST_BAD', 'this is not HTTP as we speak it'), this.#requestId())
    const text = JSON.stringify(body)
    const head = `HTTP/1.1 ${status} Refused\r\nconnection: close\r\ncontent-type: application/json`
    socket.end(`${head}\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`)
  }

  #requestId(): string {
    return `${this.#name}-${++this.#requests}`
  }
}
