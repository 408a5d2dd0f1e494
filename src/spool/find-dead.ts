import { decodeNote, entryBytes, MARK } from '../journal/entry.ts'
import { FolderTail } from '../journal/folder-tail.ts'
import type { LetterRows } from './dead-marks.ts'
import type { Spool } from './spool.ts'

/** A dead letter, and what became of it since. */
export interface FoundDead {
  reason: string
  /** Wall ms. */
  at: number
  /** Given another try: as that position in the inbox, or in the outbox under its id. */
  again?: { at: number; place?: { stream: string; position: number } }
}

/**
 * Why a message lies, or lay, among the dead letters of a channel; undefined when it never did.
 *
 * @param which.since Wall ms: when it was sent.
 */
export async function findDead(
  spool: Spool,
  which: { channel: string; stream: string; position: number; since: number }
): Promise<FoundDead | undefined> {
  const { channel, stream, position, since } = which
  const tail = new FolderTail({ files: spool.system.files, folder: spool.dead(channel), since })
  let found: FoundDead | undefined
  let again: FoundDead['again']
  for await (const { frame } of tail.look()) {
    const { payload, count } = frame
    for (let i = 0, at = 0; i < count && at < payload.length; i++, at += entryBytes(payload, at)) {
      if (payload[at + 8] !== MARK) continue
      const note = (decodeNote(payload, at) ?? {}) as Partial<Record<'dead' | 'moving' | 'gone', Said>>
      const { dead, moving, gone } = note
      if (dead?.stream === stream && dead.position === position) {
        const { reason, at: diedAt } = dead
        found = {
          reason: typeof reason === 'string' ? reason : '',
          at: typeof diedAt === 'number' ? diedAt : frame.at
        }
      }
      const index = ordinalIn(moving?.l ?? (gone?.how === 'moved' ? gone.l : undefined), stream, position)
      if (index === undefined) continue
      const place = { stream: String(moving?.s), position: Number(moving?.f) + index }
      again = { at: frame.at, ...(moving !== undefined && { place }) }
    }
  }
  return found && { ...found, ...(again && { again }) }
}

type Said = Readonly<Record<string, unknown>>

/** The how-manieth of these letters it is. */
function ordinalIn(rows: unknown, stream: string, position: number): number | undefined {
  if (!Array.isArray(rows)) return undefined
  let before = 0
  for (const [id, runs] of rows as LetterRows)
    for (const [from, to] of runs) {
      if (id === stream && from <= position && position < to) return before + position - from
      before += to - from
    }
  return undefined
}
