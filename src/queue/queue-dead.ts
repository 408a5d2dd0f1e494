import { typedError } from '../errors.ts'
import type { BodyKind, Headers } from '../message.ts'
import { type DeadRow, type FoundDead, listDead } from '../spool/dead-list.ts'
import { keepAlive } from '../system/keep-alive.ts'
import { carryOut, type Moved, placeOf, placeText } from './carry-out.ts'
import { checkFilter, checkMoveOptions, FILTER, type FilterOptions, type MoveOptions } from './filter-options.ts'
import { checkCount, checkOptions } from './options.ts'
import type { QueueMovesParts } from './queue-moves.ts'
import { checkId } from './send-options.ts'

export interface DeadQuery extends FilterOptions {
  /** `next` of the page before. */
  after?: string
}

export interface DeadPage {
  letters: DeadRow[]
  /** Absent: these were the last. */
  next?: string
}

/** A dead letter with what it holds. */
export interface DeadShown extends DeadRow {
  kind: BodyKind
  headers: Headers
  /** Empty where there is `bodyBytes`. */
  body: Buffer
  /** Of a large body, which is a file: its length. */
  bodyBytes?: number
}

const LIST = new Set([...FILTER, 'after'])
const PAGE_DEFAULT = 50
const PAGE_MAX = 1_000

/** The messages that were given up: looked at from any process; moved by the inbox's owner, whoever that is. */
export class QueueDead {
  readonly #parts: QueueMovesParts

  constructor(parts: QueueMovesParts) {
    this.#parts = parts
  }

  /** Those that came first first, channel by channel. State `dead`, unless others are asked for. */
  async list(query: DeadQuery = {}): Promise<DeadPage> {
    checkOptions(query, LIST, 'dead.list')
    const limit = query.limit === undefined ? PAGE_DEFAULT : checkCount(query.limit, 'limit', 1, PAGE_MAX)
    const filter = { ...checkFilter(query), limit }
    this.#parts.checkOpen()
    const { spool } = this.#parts
    const from = query.after === undefined ? undefined : placeOf(query.after)
    const began = from?.began ?? spool.system.clock.now()
    const found = await awake(() => collect(listDead({ spool, filter, began, place: from?.place })))
    const last = found.at(-1)
    const letters = found.map(({ row }) => row)
    return found.length < limit ? { letters } : { letters, next: placeText(last!.place, began) }
  }

  /** All with that id, whatever became of them: one for each peer and each death. */
  async show(id: string): Promise<DeadShown[]> {
    const filter = { ids: [checkId(id)], states: ['dead', 'moved', 'dropped'] }
    this.#parts.checkOpen()
    const { spool } = this.#parts
    const found = await awake(() => collect(listDead({ spool, filter, began: spool.system.clock.now() })))
    return found.map(({ row, stored: { kind, headers, body, blob } }) => {
      return { ...row, kind, headers, body, ...(blob !== undefined && { bodyBytes: blob.bytes }) }
    })
  }

  /**
   * Back to where they were going: the outbox for what a peer refused, the inbox's channel for what consumers could not take, with
   * no attempt counted. Never taken for duplicates. Resolves when all are there, synced.
   */
  redrive(which: MoveOptions): Promise<Moved> {
    return this.#move('redrive', which)
  }

  /** They are never delivered, and no longer listed. */
  remove(which: MoveOptions): Promise<Moved> {
    return this.#move('drop', which)
  }

  async #move(what: 'redrive' | 'drop', which: MoveOptions): Promise<Moved> {
    const move = checkMoveOptions(which, what === 'drop' ? 'dead.remove' : 'dead.redrive')
    const { spool, step, checkOpen } = this.#parts
    checkOpen()
    const { clock } = spool.system
    return await awake(() => carryOut({ what, move, step, clock, channels: () => spool.deadChannels() }))
  }
}

async function collect(found: AsyncIterable<FoundDead>): Promise<FoundDead[]> {
  const all: FoundDead[] = []
  for await (const one of found) all.push({ ...one, stored: { ...one.stored, body: Buffer.from(one.stored.body) } })
  return all
}

async function awake<T>(work: () => Promise<T>): Promise<T> {
  const letGo = keepAlive()
  try {
    return await work()
  } catch (error) {
    throw typedError(error, 'look through the dead letters')
  } finally {
    letGo()
  }
}
