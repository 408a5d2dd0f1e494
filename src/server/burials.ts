import { encodeMessage, messageBytesMost } from '../journal/entry.ts'
import { Ids } from '../journal/ids.ts'
import type { Draft } from '../message.ts'
import type { System } from '../system/system.ts'
import type { BlockReader } from './block-reader.ts'
import { type Bury, type DeadLetter, unreadableId } from './burial.ts'
import type { ChannelState } from './channel-state.ts'
import type { InboxJournal } from './inbox-journal.ts'
import { type DeadMark, groupPieces } from './inbox-marks.ts'
import { ChannelLease } from './leases.ts'
import type { FailedAttempt, Piece } from './pieces.ts'

/** When the dead letters cannot be written (disk full), it is tried again so much later. */
const AGAIN_MS = 5_000

export interface BurialsOptions {
  name: string
  system: System
  journal: InboxJournal
  state: ChannelState
  reader: BlockReader
  bury: Bury
  onReady: () => void
}

/** Why messages are given up. */
interface How {
  v?: 'reject' | 'retry'
  reason: string
  /** The reason says that it is damaged: who read it has seen it. */
  damaged?: boolean
  failed?: FailedAttempt
}

/** Moves messages to the dead letters: first they are synced there, then marked here. A crash between the two repeats it. */
export class Burials {
  readonly #options: BurialsOptions
  readonly #ids: Ids

  constructor(options: BurialsOptions) {
    this.#ids = new Ids(options.system.clock, options.system.random)
    this.#options = options
  }

  /** Resolves when they are in the dead letters and marked. The pieces' state is the caller's. */
  async bury(pieces: readonly Piece[], how: How & { l?: string }): Promise<void> {
    const { name, journal, reader, bury } = this.#options
    const letters: DeadLetter[] = []
    for (const piece of pieces) letters.push(...lettersOf(piece, await reader.entries(piece), how, this.#ids))
    await bury(name, letters)
    const { l, v, reason } = how
    const marks = groupPieces(pieces).map(
      ({ stream, runs }): DeadMark => ({
        m: 'dead',
        s: stream,
        r: runs,
        e: reason,
        ...(l !== undefined && { l }),
        ...(v !== undefined && { v })
      })
    )
    await Promise.all(marks.map(mark => journal.mark(mark)))
  }

  /** Extracted pieces that failed too often and that nobody holds. Never rejects: tried again later. */
  async giveUp(pieces: Piece[]): Promise<void> {
    const { name, state, system, onReady } = this.#options
    const grave = new ChannelLease('', { untilWall: 0, own: true })
    state.toLimbo(grave, pieces, { verdict: 'reject', written: Promise.resolve() })
    try {
      for (const { reason, same } of byReason(pieces)) await this.bury(same, { reason })
      state.fromLimbo(pieces)
      for (const { reason, same } of byReason(pieces)) state.finish(same, 'dead', system.clock.now(), { reason })
      onReady()
    } catch (error) {
      system.log.error({ code: (error as { code?: unknown }).code, channel: name }, 'dead letters cannot be written')
      state.fromLimbo(pieces)
      for (const piece of pieces) state.restore(piece, system.clock.ticks() + AGAIN_MS)
      onReady()
    }
  }
}

function byReason(pieces: readonly Piece[]): { reason: string; same: Piece[] }[] {
  const groups = new Map<string, Piece[]>()
  for (const piece of pieces) {
    const reason = piece.past.at(-1)?.reason ?? ''
    const same = groups.get(reason)
    if (same === undefined) groups.set(reason, [piece])
    else same.push(piece)
  }
  return [...groups].map(([reason, same]) => ({ reason, same }))
}

function lettersOf(piece: Piece, entries: readonly (Buffer | undefined)[], how: How, ids: Ids): DeadLetter[] {
  const { block, from, past } = piece
  const { origin, node, id, priority } = block.stream
  const attempts = how.failed === undefined ? past : [...past, how.failed]
  return entries.map((entry, i) => ({
    entry: entry ?? unreadable(ids, id, from + i),
    origin,
    node,
    stream: id,
    position: from + i,
    priority,
    reason: entry === undefined && how.damaged !== true ? `damaged: ${how.reason}` : how.reason,
    rejected: how.v === 'reject',
    attempts,
    receivedAt: block.at
  }))
}

/** The letter of a message that cannot be read any more says at least that there was one; its bytes are in corrupt/. */
function unreadable(ids: Ids, stream: string, position: number): Buffer {
  const id = unreadableId({ stream, position })
  const draft: Draft = { kind: 'bytes', body: Buffer.alloc(0), sentAt: 0, id, expiresAt: undefined }
  const into = Buffer.alloc(messageBytesMost(draft))
  return into.subarray(0, encodeMessage(draft, ids, into, 0))
}
