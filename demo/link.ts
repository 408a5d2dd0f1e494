import net, { type AddressInfo } from 'node:net'

/** A network cable that can be pulled: passes TCP connections on to a port of this machine. */
export class Link {
  #port = 0
  readonly #to: number
  readonly #open = new Set<net.Socket>()
  #server: net.Server | undefined

  private constructor(to: number) {
    this.#to = to
  }

  static async to(port: number): Promise<Link> {
    const link = new Link(port)
    await link.heal()
    return link
  }

  get port(): number {
    return this.#port
  }

  /** Every connection breaks, new ones are refused. */
  cut(): void {
    this.#server?.close()
    this.#server = undefined
    for (const socket of this.#open) socket.destroy()
  }

  /** Connections pass again, on the same port as before. */
  async heal(): Promise<void> {
    const server = net.createServer(near => this.#join(near))
    this.#server = server
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(this.#port, '127.0.0.1', resolve)
    })
    this.#port = (server.address() as AddressInfo).port
  }

  #join(near: net.Socket): void {
    const far = net.connect(this.#to, '127.0.0.1')
    for (const [socket, other] of [
      [near, far],
      [far, near]
    ] as const) {
      this.#open.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => other.destroy())
      socket.on('close', () => {
        this.#open.delete(socket)
        other.destroy()
      })
      socket.pipe(other)
    }
  }
}
