import type { InboxPort } from '../server/inbox-port.ts'
import type { MoveAnswer, MoveRequest, MovesPort } from '../server/move.ts'
import { keepAlive } from '../system/keep-alive.ts'

/** The way of operators' moves to the inbox's owner: found at the first use, let go with the queue. */
export class MovesLink implements MovesPort {
  readonly #attach: () => Promise<InboxPort & MovesPort>
  #port: Promise<InboxPort & MovesPort> | undefined

  constructor(attach: () => Promise<InboxPort & MovesPort>) {
    this.#attach = attach
  }

  async move(request: MoveRequest): Promise<MoveAnswer> {
    const letGo = keepAlive()
    try {
      this.#port ??= this.#attach()
      this.#port.catch(() => {
        this.#port = undefined
      })
      return await (await this.#port).move(request)
    } finally {
      letGo()
    }
  }

  async close(): Promise<void> {
    const port = await this.#port?.catch(() => undefined)
    this.#port = undefined
    await port?.close()
  }
}
