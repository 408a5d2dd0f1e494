import { pausedPeers } from '../spool/paused-peers.ts'
import type { Spool } from '../spool/spool.ts'

/** Which peers a person wants nothing sent to. The folder `paused/` is the truth; a poke only shortens the wait. */
export class Pauses {
  /** Called for each peer that is paused from now on, and with undefined for each that no longer is. */
  apply: (peer: string, at: number | undefined) => void = () => undefined
  readonly #spool: Spool
  #paused: ReadonlyMap<string, number>
  #looking: Promise<unknown> = Promise.resolve()

  private constructor(spool: Spool, paused: ReadonlyMap<string, number>) {
    this.#spool = spool
    this.#paused = paused
  }

  /** @throws DroprError DISK_*: nothing may be sent before it is known to whom not. */
  static async load(spool: Spool): Promise<Pauses> {
    return new Pauses(spool, await pausedPeers(spool.system.files, spool.path))
  }

  /** Since when a peer is paused, wall ms. */
  of(peer: string): number | undefined {
    return this.#paused.get(peer)
  }

  /**
   * Looks again, one look after the other: what is read later counts.
   *
   * @returns Who is paused; as before when that cannot be read. Never rejects.
   */
  look(): Promise<string[]> {
    const look = this.#looking.then(() => this.#look())
    this.#looking = look
    return look
  }

  async #look(): Promise<string[]> {
    const { files, log } = this.#spool.system
    const before = this.#paused
    try {
      const now = await pausedPeers(files, this.#spool.path)
      this.#paused = now
      for (const peer of new Set([...before.keys(), ...now.keys()])) {
        if (before.get(peer) === now.get(peer)) continue
        this.apply(peer, now.get(peer))
        log.info({ peer, pausedAt: now.get(peer) }, now.has(peer) ? 'the peer is paused' : 'the peer is sent to again')
      }
    } catch (error) {
      log.warn({ code: 'PAUSED_UNREADABLE', error: String(error) }, 'cannot read which peers are paused: as before')
    }
    return [...this.#paused.keys()]
  }
}
