import { diskError } from '../errors.ts'
import { readCancelled, writeCancelled } from '../spool/cancelled.ts'
import { inPeerTurn, streamsThere } from '../spool/peer-notes.ts'
import type { Spool } from '../spool/spool.ts'
import { readWiped, writeWiped } from '../spool/wiped.ts'

/** The heads of all segments to a peer are read for it: no more often than this. */
const LOOK_MS = 3_600_000

/** Forgets what was noted (cancelled, wiped) of streams to peers whose files are gone. */
export class PeerNotesTidy {
  readonly #spool: Spool
  #lookedAt: number | undefined

  constructor(spool: Spool) {
    this.#spool = spool
  }

  /** @throws DroprError DISK_* */
  async turn(): Promise<void> {
    const { clock } = this.#spool.system
    if (this.#lookedAt !== undefined && clock.ticks() - this.#lookedAt < LOOK_MS) return
    this.#lookedAt = clock.ticks()
    for (const peer of await this.#spool.outboxPeers()) await inPeerTurn(this.#spool, peer, () => this.#prune(peer))
  }

  async #prune(peer: string): Promise<void> {
    const spool = this.#spool
    const { files } = spool.system
    const cancelled = await readCancelled(files, spool.path, peer)
    const wiped = await readWiped(spool, peer)
    if (cancelled === undefined && wiped.size === 0) return
    try {
      const streams = await streamsThere(spool, peer)
      if (cancelled?.keepOnly(streams)) await writeCancelled(spool, peer, cancelled)
      const left = new Map([...wiped].filter(([stream]) => streams.has(stream)))
      if (left.size < wiped.size) await writeWiped(spool, peer, left)
    } catch (error) {
      throw diskError(error, `look what is noted of ${spool.outboxOf(peer)}`)
    }
  }
}
