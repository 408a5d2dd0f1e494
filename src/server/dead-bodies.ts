import { diskError } from '../errors.ts'
import { blobOf } from '../journal/blob-of.ts'
import { carryBlob } from '../spool/blob-file.ts'
import { placedBlobPath, sentBlobPath } from '../spool/blob-names.ts'
import type { Spool } from '../spool/spool.ts'

/** What of a dead letter says where its large body lies. */
interface LetterAt {
  stream: string
  position: number
  entry: Buffer
}

/**
 * Gives the large bodies of letters that go back into the inbox their names there, before the letters themselves: as the
 * messages that follow each other in `stream` from `from` on. `room`: where they lie now.
 *
 * @throws DroprError DISK_*
 */
export async function bodiesToInbox(
  spool: Spool,
  channel: string,
  letters: readonly LetterAt[],
  to: { stream: string; from: number },
  room = spool.dead(channel)
): Promise<void> {
  for (const [i, letter] of letters.entries()) {
    const blob = blobOf(letter.entry, 0)
    if (blob === undefined) continue
    const place = { stream: to.stream, position: to.from + i, sha256: blob.sha256 }
    await carry(spool, bodyAt(room, letter)!, spool.inbox(channel), placedBlobPath(spool.inbox(channel), place))
  }
}

/** The same for those that go back to an outbox folder, into segments of `writer`. */
export async function bodiesToOutbox(
  spool: Spool,
  channel: string,
  letters: readonly LetterAt[],
  to: { folder: string; writer: string }
): Promise<void> {
  for (const letter of letters) {
    const blob = blobOf(letter.entry, 0)
    if (blob === undefined) continue
    await carry(spool, bodyAt(spool.dead(channel), letter)!, to.folder, sentBlobPath(to.folder, to.writer, blob.id))
  }
}

/** Whether the letter has a large body, and that is not there any more. */
export async function isBodyGone(
  spool: Spool,
  channel: string,
  letter: LetterAt,
  room = spool.dead(channel)
): Promise<boolean> {
  const path = bodyAt(room, letter)
  return path !== undefined && (await spool.system.files.stat(path)) === undefined
}

function bodyAt(room: string, { stream, position, entry }: LetterAt): string | undefined {
  const blob = blobOf(entry, 0)
  return blob && placedBlobPath(room, { stream, position, sha256: blob.sha256 })
}

async function carry(spool: Spool, from: string, folder: string, to: string): Promise<void> {
  try {
    await spool.folders.ensure(folder)
    await carryBlob(spool.system.files, from, to)
  } catch (error) {
    throw diskError(error, `send back ${from}`)
  }
}
