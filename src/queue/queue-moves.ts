import type { MoveAnswer, MoveKind, MoveRequest } from '../server/move.ts'
import type { Spool } from '../spool/spool.ts'
import { keepAlive } from '../system/keep-alive.ts'
import { carryOut, type Moved } from './carry-out.ts'
import { checkMoveOptions, type MoveOptions } from './filter-options.ts'

export interface PurgeOptions extends MoveOptions {
  /** Also what somebody holds: its verdict is refused then. */
  leased?: boolean
}

export interface QueueMovesParts {
  spool: Spool
  step: (request: MoveRequest) => Promise<MoveAnswer>
  checkOpen: () => void
}

/** What an operator does to many messages at once: asked of the inbox's owner, step by step. */
export class QueueMoves {
  readonly #parts: QueueMovesParts

  constructor(parts: QueueMovesParts) {
    this.#parts = parts
  }

  async purge({ leased = false, ...which }: PurgeOptions): Promise<Moved> {
    if (typeof leased !== 'boolean') throw new TypeError('leased must be true or false')
    return await this.#move('purge', which, leased ? { leased } : {})
  }

  async replay(which: MoveOptions): Promise<Moved> {
    return await this.#move('replay', which)
  }

  async #move(what: MoveKind, which: MoveOptions, more: Pick<MoveRequest, 'leased'> = {}): Promise<Moved> {
    const move = checkMoveOptions(which, what)
    const { spool, step, checkOpen } = this.#parts
    checkOpen()
    const { clock } = spool.system
    const letGo = keepAlive()
    try {
      const asked = (request: MoveRequest) => step({ ...request, ...more })
      return await carryOut({ what, move, step: asked, clock, channels: () => spool.inboxChannels() })
    } finally {
      letGo()
    }
  }
}
