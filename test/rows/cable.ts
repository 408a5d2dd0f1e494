import { once } from 'node:events'
import { createServer, request as httpRequest } from 'node:http'
import net, { type AddressInfo, type Socket } from 'node:net'

/** What a cable does to what passes it. May be changed at any time; nothing: it passes. */
export interface Mood {
  /** A new connection is closed at once, or accepted and left without an answer. */
  connect?: 'close' | 'mute'
  /** What is said to who asks, as a login page would, instead of passing the question on. */
  instead?: string | ((socket: Socket) => void)
  /** Whether the n-th answer (from 0) is lost, with its connection. */
  loseAnswer?: (n: number) => boolean
  /** One bit of the n-th piece that goes to the peer, behind the head of the request. */
  damage?: (n: number) => boolean
  /** Each way. */
  delayMs?: number
  /** Each way, over all connections. */
  bytesPerSecond?: number
}

/** A TCP connection to a port of this machine that can be cut, slow, deaf and lying. */
export class Cable {
  mood: Mood = {}
  /** Connections taken, pieces sent, answers 200 that came back. */
  connections = 0
  pieces = 0
  answers = 0
  /** Requests as they were, for `again`. */
  readonly requests: Buffer[] = []
  keepRequests = false
  readonly #to: () => number
  readonly #open = new Set<Socket>()
  readonly #freeAt = { there: 0, back: 0 }
  #server: net.Server | undefined
  #port = 0

  private constructor(to: () => number) {
    this.#to = to
  }

  static async to(port: () => number): Promise<Cable> {
    const cable = new Cable(port)
    await cable.heal()
    return cable
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  /** Every connection breaks, new ones are refused. */
  cut(): void {
    this.#server?.close()
    this.#server = undefined
    for (const socket of this.#open) socket.destroy()
  }

  /** New connections pass again, on the same port as before. */
  async heal(): Promise<void> {
    this.#server ??= await listenOn(this.#port, near => this.#join(near))
    this.#port = (this.#server.address() as AddressInfo).port
  }

  #join(near: Socket): void {
    this.connections++
    this.#keep(near)
    const { connect, instead } = this.mood
    if (connect === 'close') return void near.destroy()
    if (connect === 'mute') return void near.resume()
    if (instead !== undefined) {
      near.once('data', () => (typeof instead === 'string' ? near.end(instead) : instead(near)))
      return
    }
    const far = net.connect(this.#to(), '127.0.0.1')
    this.#keep(far)
    near.on('close', () => far.destroy())
    far.on('close', () => near.destroy())
    near.on('data', chunk => {
      if (this.keepRequests) this.requests.push(chunk)
      this.#pass(this.#damaged(chunk), far, 'there')
    })
    far.on('data', chunk => {
      // A slow machine says "102 Processing" first, and both may come at once.
      const isAnswer = chunk.includes('HTTP/1.1 200')
      const n = isAnswer ? this.answers++ : -1
      if (isAnswer && this.mood.loseAnswer?.(n)) return void near.destroy()
      this.#pass(chunk, near, 'back')
    })
  }

  #damaged(chunk: Buffer): Buffer {
    if (!this.mood.damage?.(this.pieces++)) return chunk
    const body = chunk.subarray(0, 6).toString() === 'POST /' ? chunk.indexOf('\r\n\r\n') + 4 : 0
    const at = Math.floor((body + chunk.length) / 2)
    if (at < chunk.length) chunk[at]! ^= 1
    return chunk
  }

  #pass(chunk: Buffer, to: Socket, way: 'there' | 'back'): void {
    const { delayMs = 0, bytesPerSecond = Number.POSITIVE_INFINITY } = this.mood
    const now = performance.now()
    const sentAt = Math.max(now, this.#freeAt[way]) + (chunk.length / bytesPerSecond) * 1_000
    this.#freeAt[way] = sentAt
    const ms = sentAt + delayMs - now
    if (ms <= 0) to.write(chunk)
    else setTimeout(() => to.write(chunk), ms)
  }

  #keep(socket: Socket): void {
    this.#open.add(socket)
    socket.setNoDelay(true)
    socket.on('error', () => undefined)
    socket.on('close', () => this.#open.delete(socket))
  }
}

export async function listenOn(port: number, serve: (socket: Socket) => void): Promise<net.Server> {
  const server = net.createServer(serve)
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return server
}

/** What a server says to bytes as they are, up to the end of its JSON. */
export async function answerTo(port: number, bytes: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write(bytes))
    let text = ''
    socket.on('error', reject)
    socket.on('data', chunk => {
      text += String(chunk)
      if (text.includes('}')) {
        socket.destroy()
        resolve(text)
      }
    })
  })
}

/** What a web server in front does: takes away a path, passes the rest on. */
export async function reverseProxy(
  to: () => number,
  world: { onEnd(close: () => unknown): void }
): Promise<{ url: string; paths: string[] }> {
  const paths: string[] = []
  const server = createServer((near, back) => {
    paths.push(near.url!)
    const path = near.url!.slice('/a/b'.length)
    const far = httpRequest({ port: to(), path, method: near.method, headers: near.headers }, answer => {
      back.writeHead(answer.statusCode!, answer.headers)
      answer.pipe(back)
    })
    near.pipe(far)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  world.onEnd(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, paths }
}
