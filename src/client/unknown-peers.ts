import type { Spool } from '../spool/spool.ts'

/** Folders of the outbox whose peer is not configured: kept, not sent, and said in the log. */
export class UnknownPeers {
  names: string[] = []
  readonly #spool: Spool

  constructor(spool: Spool) {
    this.#spool = spool
  }

  /** @returns Whether it is not as it was. Never rejects. */
  async look(known: ReadonlyMap<string, unknown>): Promise<boolean> {
    const { node, system } = this.#spool
    try {
      const unknown = (await this.#spool.outboxPeers()).filter(name => name !== node && !known.has(name))
      if (unknown.join() === this.names.join()) return false
      this.names = unknown
      const fields = { code: 'PEER_UNKNOWN', peers: unknown }
      if (unknown.length > 0) system.log.warn(fields, 'messages for peers that are not configured: kept, not sent')
      return true
    } catch (error) {
      system.log.error({ code: 'OUTBOX_UNREADABLE', error: String(error) }, 'cannot look into the outbox')
      return false
    }
  }
}
