import { diskError } from '../errors.ts'
import { blobOf } from '../journal/blob-of.ts'
import { carryBlob } from '../spool/blob-file.ts'
import { blobBesideSegment, placedBlobPath } from '../spool/blob-names.ts'
import type { EntriesRange, Range } from '../spool/range.ts'
import type { Spool } from '../spool/spool.ts'
import type { StreamReader } from '../spool/stream-reader.ts'

/**
 * Gives the large body of a message that this node sends to itself its place in the inbox, before the message itself goes there:
 * a second name, no copy.
 *
 * @returns The range; or that it is damaged, when the body is not what the entry says.
 * @throws DroprError DISK_*
 */
export async function pullBlob(spool: Spool, stream: StreamReader, range: EntriesRange): Promise<Range> {
  const blob = blobOf(range.entries, 0)
  const from = blob && blobBesideSegment(stream.path, blob.id)
  if (blob === undefined || from === undefined) return range
  const { files, log } = spool.system
  const folder = spool.inbox(stream.channel)
  const to = placedBlobPath(folder, { stream: stream.stream, position: range.from, sha256: blob.sha256 })
  try {
    await spool.folders.ensure(folder)
    const carried = await carryBlob(files, from, to)
    const found = carried ? await files.stat(to) : undefined
    if (found?.bytes === blob.bytes) return range
    const why = found === undefined ? 'is gone' : `has ${found.bytes} bytes, not ${blob.bytes}`
    log.error({ code: 'SPOOL_DAMAGED', path: from, stream: stream.stream, position: range.from }, `a large body ${why}`)
    return { from: range.from, to: range.to, skip: 'damaged' }
  } catch (error) {
    throw diskError(error, `bring over ${from}`)
  }
}
