import { diskError, systemCode } from '../errors.ts'
import type { LostPositions } from './quarantine.ts'
import type { Spool } from './spool.ts'

const NOTE_BYTES_MAX = 1_048_576

interface Note {
  lost: LostPositions[]
  foundAt: unknown
}

/**
 * Since when it is known that a message of this node's outbox can no longer be read, wall ms, by the notes in corrupt/; undefined
 * when none says so. It may have been sent before.
 *
 * @throws DroprError DISK_*
 */
export async function lostHere(spool: Spool, stream: string, position: number): Promise<number | undefined> {
  const { files } = spool.system
  try {
    for (const { name } of await files.list(spool.corrupt)) {
      if (!name.startsWith(`${stream}-`) || !name.endsWith('.json')) continue
      const note = noteIn(await files.read(`${spool.corrupt}/${name}`, NOTE_BYTES_MAX))
      const isLost = note.lost.some(([from, to, other]) => !other && from <= position && position < to)
      if (isLost) return Date.parse(String(note.foundAt)) || spool.system.clock.now()
    }
  } catch (error) {
    // Somebody may have moved it elsewhere, as the note asks for.
    if (systemCode(error) !== 'ENOENT') throw diskError(error, `read the notes in ${spool.corrupt}`)
  }
  return undefined
}

/** A note is for people: what cannot be read of it says nothing. */
function noteIn(bytes: Buffer): Note {
  try {
    const { lostPositions, foundAt } = JSON.parse(bytes.toString()) as { lostPositions: unknown; foundAt: unknown }
    const lost = Array.isArray(lostPositions) ? lostPositions.filter(Array.isArray) : []
    return { lost: lost as unknown as LostPositions[], foundAt }
  } catch {
    return { lost: [], foundAt: undefined }
  }
}
