import { checkChannel, isOurs } from '../names.ts'
import type { Schedule } from '../scheduler/index.ts'
import type { MoveAnswer, MoveKind, MoveRequest } from '../server/move.ts'
import type { Spool } from '../spool/spool.ts'
import { keepAlive } from '../system/keep-alive.ts'
import { carryOut, type Moved } from './carry-out.ts'
import { checkMoveOptions, type MoveOptions } from './filter-options.ts'
import { checkOptions } from './options.ts'
import { type Cleaned, type CleanOptions, clean } from './queue-clean.ts'

export interface PurgeOptions extends MoveOptions {
  /** Also what somebody holds: its verdict is refused then. */
  leased?: boolean
}

export interface RemoveOptions {
  /** Removes nothing; tells what would go. */
  dryRun?: boolean
}

export interface Removed {
  files: number
  /** On the disk. */
  bytes: number
  /** Segments that stay for now: `sent` until who sends cleans, `dead` because a client may write to them. */
  left: Record<string, number>
}

const REMOVE = new Set(['dryRun'])

export interface QueueMovesParts {
  spool: Spool
  step: (request: MoveRequest) => Promise<MoveAnswer>
  /** Found at the first use. */
  schedule: () => Promise<Schedule>
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
    return await (which.peer === undefined
      ? this.#move('purge', which, leased ? { leased } : {})
      : this.#move('cancel', which, {}))
  }

  async replay(which: MoveOptions): Promise<Moved> {
    return await this.#move('replay', which)
  }

  async clean(options?: CleanOptions): Promise<Cleaned> {
    return await clean(this.#parts, options)
  }

  async removeChannel(name: string, options: RemoveOptions = {}): Promise<Removed> {
    const channel = checkChannel(name)
    if (isOurs(channel)) throw new TypeError(`${channel} is a channel of dropr itself`)
    checkOptions(options, REMOVE, 'removeChannel')
    const { spool, step, checkOpen } = this.#parts
    checkOpen()
    const { dryRun = false } = options
    if (typeof dryRun !== 'boolean') throw new TypeError('dryRun must be true or false')
    const began = spool.system.clock.now()
    const { moved, bytes, left } = await step({ what: 'remove', channel, filter: {}, began, max: 1, dryRun })
    return { files: moved, bytes, left }
  }

  /** Of the inbox; of what is for peers, where that is meant. What dropr itself sends is not an operator's. */
  async #channels(what: MoveKind, peers: readonly string[] = []): Promise<string[]> {
    const { spool } = this.#parts
    if (what !== 'cancel') return (await spool.inboxChannels()).filter(name => !isOurs(name))
    const found = await Promise.all(peers.map(peer => spool.channelsIn(spool.outboxOf(peer))))
    return [...new Set(found.flat())].filter(name => !isOurs(name)).sort()
  }

  async #move(what: MoveKind, which: MoveOptions, more: Pick<MoveRequest, 'leased'> = {}): Promise<Moved> {
    const move = checkMoveOptions(which, what)
    const { spool, step, checkOpen } = this.#parts
    checkOpen()
    const { clock } = spool.system
    const letGo = keepAlive()
    try {
      const asked = (request: MoveRequest) => step({ ...request, ...more })
      return await carryOut({ what, move, step: asked, clock, channels: () => this.#channels(what, move.filter.peers) })
    } finally {
      letGo()
    }
  }
}
