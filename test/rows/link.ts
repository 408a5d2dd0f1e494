import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

/** A wire between two nodes on loopback that can hold back, slow down and cut what goes to the receiver. */
export class Link {
  /** Bytes a second towards the receiver. */
  bytesPerSecond = Number.POSITIVE_INFINITY
  /** Bytes that have passed towards the receiver. */
  passed = 0
  #held: Promise<void> | undefined
  #letGo: () => void = () => undefined
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(target: string) {
    const [host, port] = target.split(':')
    this.#server = createServer(near => {
      const far = connect(Number(port), host)
      for (const socket of [near, far]) {
        this.#sockets.add(socket)
        socket.setNoDelay(true)
        socket.on('error', () => undefined)
        socket.on('close', () => {
          this.#sockets.delete(socket)
          near.destroy()
          far.destroy()
        })
      }
      far.pipe(near)
      void this.#carry(near, far)
    })
  }

  static async to(target: string): Promise<Link> {
    const link = new Link(target)
    link.#server.listen(0, '127.0.0.1')
    await once(link.#server, 'listening')
    return link
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Nothing more passes until `release`. */
  hold(): void {
    this.#held ??= new Promise(resolve => {
      this.#letGo = resolve
    })
  }

  release(): void {
    this.#letGo()
    this.#held = undefined
  }

  /** Bytes that came from the sender and were held back. */
  waiting = 0

  async close(): Promise<void> {
    this.release()
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }

  async #carry(near: Socket, far: Socket): Promise<void> {
    try {
      for await (const chunk of near as AsyncIterable<Buffer>) {
        const step = Math.max(1, Math.min(chunk.length, Math.floor(this.bytesPerSecond / 50)))
        for (let at = 0; at < chunk.length; at += step) {
          const part = chunk.subarray(at, at + step)
          this.waiting += part.length
          await this.#held
          this.waiting -= part.length
          if (Number.isFinite(this.bytesPerSecond)) await pause((part.length * 1_000) / this.bytesPerSecond)
          this.passed += part.length
          if (!far.write(part)) await once(far, 'drain')
        }
      }
    } catch {
      // Cut from one side; `close` ends the other.
    }
  }
}
