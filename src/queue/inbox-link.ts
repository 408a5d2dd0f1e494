import { DroprError } from '../errors.ts'
import type { InboxPort } from '../server/inbox-port.ts'
import { keepAlive } from '../system/keep-alive.ts'
import type { Leases } from './lease.ts'

/**
 * The way to the inbox's owner: looked for at the first use. The port itself follows the inbox to later owners.
 *
 * The process stays alive while a call is on its way, and no longer.
 */
export class InboxLink {
  readonly #attach: () => Promise<InboxPort>
  readonly #leases: Leases
  #port: InboxPort | undefined
  #attaching: Promise<InboxPort> | undefined
  #closed = false

  constructor(attach: () => Promise<InboxPort>, leases: Leases) {
    this.#attach = attach
    this.#leases = leases
  }

  async use<T>(work: (port: InboxPort) => Promise<T>): Promise<T> {
    const letGo = keepAlive()
    try {
      return await work(this.#port ?? (await this.#find()))
    } finally {
      letGo()
    }
  }

  /** Gives back what is held. */
  async close(): Promise<void> {
    this.#closed = true
    const port = this.#port ?? (await this.#attaching?.catch(() => undefined))
    this.#port = undefined
    const letGo = keepAlive()
    await port?.close().finally(letGo)
    letGo()
  }

  #find(): Promise<InboxPort> {
    if (this.#closed) throw new DroprError('CLOSED', 'the queue is closed')
    this.#attaching ??= this.#attached().finally(() => {
      this.#attaching = undefined
    })
    return this.#attaching
  }

  async #attached(): Promise<InboxPort> {
    const port = await this.#attach()
    port.onLost = ids => this.#leases.lose(ids)
    this.#port = port
    return port
  }
}
