import { DeadBlobs } from '../spool/dead-blobs.ts'
import { DeadCheck } from '../spool/dead-check.ts'
import { cleanDead, removeDeadFolder } from '../spool/dead-retention.ts'
import { Leftovers } from '../spool/leftovers.ts'
import type { Spool } from '../spool/spool.ts'
import type { Inbox } from './inbox.ts'
import type { OwnerRooms } from './owner-rooms.ts'
import { PeerNotesTidy } from './peer-notes-tidy.ts'

/** What the inbox's owner removes now and then: what is past its retention, what nobody owns, and what nobody finished; and what it looks at. */
export class OwnerTidy {
  readonly #options: { spool: Spool; inbox: Pick<Inbox, 'clean'>; rooms: Pick<OwnerRooms, 'tidy'>; epoch: number }
  readonly #deadBlobs: DeadBlobs
  readonly #deadCheck: DeadCheck
  readonly #notes: PeerNotesTidy
  readonly #leftovers: Leftovers

  constructor(options: { spool: Spool; inbox: Pick<Inbox, 'clean'>; rooms: Pick<OwnerRooms, 'tidy'>; epoch: number }) {
    this.#options = options
    this.#deadBlobs = new DeadBlobs(options.spool)
    this.#deadCheck = new DeadCheck(options.spool)
    this.#notes = new PeerNotesTidy(options.spool)
    this.#leftovers = new Leftovers(options.spool)
  }

  /** @throws DroprError DISK_* */
  async turn(): Promise<void> {
    const { spool, inbox, rooms, epoch } = this.#options
    await inbox.clean()
    rooms.tidy()
    for (const channel of await spool.deadChannels()) {
      await cleanDead({ spool, channel, epoch })
      await this.#deadBlobs.clean(channel)
      await removeDeadFolder({ spool, channel })
    }
    await this.#deadCheck.turn()
    await this.#notes.turn()
    await this.#leftovers.turn()
  }
}
