import { once } from 'node:events'
import { connect } from 'node:net'
import { request } from 'undici'
import { limitsFrom } from '../../src/limits.ts'
import { HttpServer } from '../../src/server/http-server.ts'
import { systemClock } from '../../src/system/clock.ts'
import { silentLog } from '../../src/system/log.ts'
import { systemRandom } from '../../src/system/random.ts'
import { encodeUpload } from '../../src/wire/headers.ts'
import { acceptedFrom } from '../../src/wire/token.ts'
import type { ReceiveUpload } from '../../src/wire/transport.ts'
import type { UploadRequest } from '../../src/wire/upload.ts'
import { uploadOf } from '../wire/transport-suite.ts'

const open: { close(): Promise<void> }[] = []

/** Closes what a test has opened. */
export async function closeAll(): Promise<void> {
  await Promise.all(open.splice(0).map(each => each.close()))
}

interface DeskOptions {
  receive?: ReceiveUpload
  limits?: Record<string, number>
  accept?: Map<string, string>
}

export async function desk({ receive, limits = {}, accept = new Map() }: DeskOptions = {}) {
  const got: UploadRequest[] = []
  /** What a new reading of the configuration changes. */
  const rules = { hosts: new Set(['tokyo']), accepted: acceptedFrom(accept) }
  const server = new HttpServer({
    clock: systemClock,
    random: systemRandom,
    log: silentLog,
    limits: limitsFrom(limits),
    rules,
    receive:
      receive ??
      (async upload => {
        got.push(upload)
        return { stream: upload.stream, nonce: upload.nonce, next: 1, refused: [] }
      }),
    health: () => ({ node: 'tokyo' })
  })
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 })
  open.push({ close: () => server.close({ withinMs: 0 }) })
  const url = `http://127.0.0.1:${port}`
  const post = async (changes: Record<string, string | undefined> = {}, body: Buffer | null = uploadOf().entries) => {
    const given = { ...encodeUpload(uploadOf()), 'content-type': 'application/octet-stream', ...changes }
    const headers = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Record<
      string,
      string
    >
    return answerOf(await request(`${url}/v1/upload`, { method: 'POST', headers, body }))
  }
  const get = async (path: string, method: 'GET' | 'PUT' | 'HEAD' | 'OPTIONS' = 'GET', headers = {}) =>
    answerOf(await request(url + path, { method, headers }))
  return { server, url, port, rules, got, post, get }
}

async function answerOf({ statusCode, headers, body }: Awaited<ReturnType<typeof request>>) {
  const text = await body.text()
  return { status: statusCode, headers, text, json: text.startsWith('{') ? JSON.parse(text) : undefined }
}

/** Sends bytes as they are and gives all that comes back until the server closes. */
export async function raw(port: number, text: string | Buffer): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let answer = ''
  socket.on('data', chunk => {
    answer += chunk.toString()
  })
  socket.on('error', () => undefined)
  socket.write(text)
  await once(socket, 'close')
  return answer
}

export const head = (more: string) => {
  const headers = Object.entries(encodeUpload(uploadOf())).map(([name, value]) => `${name}: ${value}\r\n`)
  return `POST /v1/upload HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/octet-stream\r\n${headers.join('')}${more}\r\n`
}
