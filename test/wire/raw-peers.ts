import { once } from 'node:events'
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { limitsFrom } from '../../src/limits.ts'
import { systemClock } from '../../src/system/clock.ts'
import { HttpTransport } from '../../src/wire/http-transport.ts'
import type { Resolve } from '../../src/wire/look-ups.ts'
import { ANSWER_TYPE, type UploadRequest } from '../../src/wire/upload.ts'
import { never, uploadOf } from './transport-suite.ts'

/** Short, so that tests of what never comes end soon. */
const LIMITS = { connectMsMax: 1_000, answerMsMax: 150, stallMsMax: 150, retryMsMax: 60_000 }

export const open: (() => unknown)[] = []

/** Closes what a test has opened. */
export async function closeAll(): Promise<void> {
  await Promise.all(open.splice(0).map(close => close()))
}

export function transportWith(limits: Record<string, number> = {}, resolve?: Resolve): HttpTransport {
  const options = { clock: systemClock, limits: limitsFrom({ ...LIMITS, ...limits }) }
  const transport = new HttpTransport(resolve ? { ...options, resolve } : options)
  open.push(() => transport.close())
  return transport
}

/** A peer that does with each connection what it likes. Gives its port. */
export async function rawPeer(serve: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    serve(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  open.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

export async function httpPeer(serve: (request: IncomingMessage, response: ServerResponse) => void): Promise<number> {
  const server = createHttpServer((request, response) => {
    request.resume()
    request.on('end', () => serve(request, response))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  open.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

export const peerAt = (port: number) => ({ name: 'tokyo', url: `http://127.0.0.1:${port}` })

export function goodAnswer(request: UploadRequest, changes: Record<string, unknown> = {}): string {
  return JSON.stringify({ stream: request.stream, nonce: request.nonce, next: 5, refused: [], ...changes })
}

export function httpOf(body: string | Buffer, status = '200 OK', type = ANSWER_TYPE, more = ''): Buffer {
  const head = `HTTP/1.1 ${status}\r\ncontent-type: ${type}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n${more}\r\n`
  return Buffer.concat([Buffer.from(head), Buffer.from(body)])
}

/** What a transport makes of an answer, sent as it is once the request has begun to arrive. */
export async function answered(answer: (request: UploadRequest) => Buffer, end = false): Promise<unknown> {
  const request = uploadOf()
  const port = await rawPeer(socket => {
    socket.once('data', () => {
      socket.write(answer(request))
      if (end) socket.end()
    })
  })
  // It answers at once: how long a busy machine takes for that is not what is tried.
  return transportWith({ answerMsMax: 10_000, stallMsMax: 10_000 })
    .upload(peerAt(port), request, never)
    .catch((error: unknown) => error)
}

/** A bit every 20 ms, for ever. */
export function trickle(socket: Socket, begin: string, more = 'x'): void {
  socket.write(begin)
  const timer = setInterval(() => socket.write(more), 20)
  socket.on('close', () => clearInterval(timer))
}
