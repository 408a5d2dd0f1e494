import { bodyBytesOf } from '../journal/blob-of.ts'
import { decodeMessage } from '../journal/entry.ts'
import type { Stored } from '../message.ts'
import type { LetterState } from './dead-marks.ts'
import { type Letter, readFates, walkLetters } from './dead-walk.ts'
import { type Filter, type Known, Sieve } from './filter.ts'
import type { Attempt } from './room-dead.ts'
import type { Spool } from './spool.ts'

/** A dead letter as it is told: docs/api.md, docs/cli.md. Times are wall ms. */
export interface DeadRow {
  id: string
  channel: string
  priority: number
  /** The node that sent it. */
  from: string
  /** The peer that refused it. Absent: it had arrived here, and its consumers could not take it. */
  to?: string
  stream: string
  position: number
  state: LetterState
  sentAt: number
  deadAt: number
  reason: string
  code: string
  /** The node that gave it up. */
  by: string
  attempts: readonly Attempt[]
  bytes: number
}

/** Where a walk through channels is. */
export interface WalkPlace {
  channel: string
  after?: string
}

export interface FoundDead {
  row: DeadRow
  stored: Stored
  place: WalkPlace
}

/** A letter as a filter sees it. The peer is whom it was for, or whom it came from; its age counts from its death. */
export function knownOf({ channel, node, note, state }: Letter): Known {
  return { channel, peer: note.to ?? node, state, at: note.at }
}

/** Those that count when nobody asks for others. */
export const DEAD_STATES: readonly LetterState[] = ['dead']

/**
 * The dead letters that a filter means, channel by channel, as the files say: in any process, whether or not daemons run.
 *
 * @param options.began Wall ms: ages count from then.
 */
export async function* listDead(options: {
  spool: Spool
  filter: Filter
  began: number
  place?: WalkPlace | undefined
}): AsyncGenerator<FoundDead> {
  const { spool, filter, began, place } = options
  const { limit = Number.POSITIVE_INFINITY, ...wanted } = filter
  const sieve = new Sieve({ states: DEAD_STATES, ...wanted }, began)
  const { files } = spool.system
  let left = limit
  for (const channel of await spool.deadChannels()) {
    if (wanted.channels?.includes(channel) === false || (place !== undefined && channel < place.channel)) continue
    const folder = spool.dead(channel)
    const { fates } = await readFates(files, folder)
    const after = channel === place?.channel ? place.after : undefined
    let before = after
    for await (const page of walkLetters({ files, folder, channel, fates, after })) {
      for (const [i, letter] of page.letters.entries()) {
        if (!sieve.takes(knownOf(letter))) continue
        const stored = decodeMessage(letter.entry, 0)
        if (sieve.reads && !sieve.holds(stored)) continue
        if (left-- <= 0) return
        const behind = i === page.letters.length - 1 ? page.after : before
        yield { row: rowOf(letter, stored), stored, place: { channel, ...(behind !== undefined && { after: behind }) } }
      }
      before = page.after
    }
  }
}

function rowOf(letter: Letter, stored: Stored): DeadRow {
  const { id, sentAt } = stored
  const { channel, priority, node: from, stream, position, state, note } = letter
  const { reason, code, by, to, at: deadAt, attempts } = note
  const place = { id, channel, priority, from, ...(to !== undefined && { to }), stream, position, state }
  return { ...place, sentAt, deadAt, reason, code, by, attempts, bytes: bodyBytesOf(stored) }
}
