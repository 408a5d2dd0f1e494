import type { Socket } from 'node:net'
import { checkMessage, type Line, MESSAGE_BYTES_MAX } from './sockets.ts'

/** What may wait for a peer that does not read, before the line is given up. */
const UNSENT_BYTES_MAX = 4 * MESSAGE_BYTES_MAX

const NEWLINE = 10

/** A line over a Unix socket: each message is its UTF-8 text and a newline. */
export class NodeLine implements Line {
  readonly #socket: Socket
  #onMessage: ((text: string) => void) | undefined
  #onEnd: (() => void) | undefined
  /** Bytes of a message whose newline has not come yet. */
  #rest: Buffer[] = []
  #restBytes = 0
  #unsent: string[] = []
  #ended = false
  #closed = false

  constructor(socket: Socket) {
    this.#socket = socket
    socket.unref()
    socket.on('error', () => undefined) // always followed by 'close'
    socket.once('close', () => {
      this.#ended = true
      this.#closed = true
      this.#onEnd?.()
    })
  }

  get onMessage(): (text: string) => void {
    return this.#onMessage ?? (() => undefined)
  }

  /** Nothing is read from the socket before somebody listens, so nothing is lost when that happens late. */
  set onMessage(callback: (text: string) => void) {
    if (!this.#onMessage) this.#socket.on('data', chunk => this.#receive(chunk))
    this.#onMessage = callback
  }

  get onEnd(): () => void {
    return this.#onEnd ?? (() => undefined)
  }

  set onEnd(callback: () => void) {
    this.#onEnd = callback
    if (this.#closed) queueMicrotask(callback)
  }

  send(text: string): void {
    checkMessage(text)
    if (this.#ended) return
    // One write for all that is sent in the same turn: a system call costs more than the message.
    if (this.#unsent.push(text) === 1) process.nextTick(() => this.#write())
  }

  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#write()
    this.#socket.destroySoon()
  }

  /** Ends without waiting for what is unsent. */
  destroy(): void {
    this.#ended = true
    this.#socket.destroy()
  }

  ref(on: boolean): void {
    if (on) this.#socket.ref()
    else this.#socket.unref()
  }

  #write(): void {
    if (this.#unsent.length === 0 || this.#socket.destroyed) return
    this.#socket.write(`${this.#unsent.join('\n')}\n`)
    this.#unsent = []
    if (this.#socket.writableLength > UNSENT_BYTES_MAX) this.destroy()
  }

  #receive(chunk: Buffer): void {
    const first = chunk.indexOf(NEWLINE)
    const bytes = this.#restBytes + (first === -1 ? chunk.length : first)
    if (bytes > MESSAGE_BYTES_MAX) this.destroy()
    else if (first === -1) this.#keep(chunk)
    else this.#deliver(chunk, chunk.lastIndexOf(NEWLINE))
  }

  #deliver(chunk: Buffer, last: number): void {
    const whole = this.#whole(chunk, last)
    if (last + 1 < chunk.length) this.#keep(chunk.subarray(last + 1))
    for (const text of whole.split('\n')) {
      if (this.#ended) return
      this.#onMessage?.(text)
    }
  }

  /** What was kept, and the chunk up to `last`. Most messages come in one chunk. */
  #whole(chunk: Buffer, last: number): string {
    if (this.#restBytes === 0) return chunk.toString('utf8', 0, last)
    const bytes = Buffer.concat([...this.#rest, chunk.subarray(0, last)])
    this.#rest = []
    this.#restBytes = 0
    return bytes.toString('utf8')
  }

  #keep(part: Buffer): void {
    this.#rest.push(part)
    this.#restBytes += part.length
  }
}
