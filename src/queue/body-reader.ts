import { dirname, resolve } from 'node:path'
import { Readable } from 'node:stream'
import { DroprError, diskError } from '../errors.ts'
import type { Stored } from '../message.ts'
import { readBlob, writeBlob } from '../spool/blob-file.ts'
import { placedBlobPath } from '../spool/blob-names.ts'
import type { Files } from '../system/files.ts'

/** A message, and where it lies: a body of its own file is beside its segment. */
export interface BodyAt {
  files: Files
  stored: Stored
  /** Its segment, its stream and its place in that. */
  path: string
  stream: string
  position: number
}

/** The body in memory. @throws DroprError BODY_LARGE for one that was sent as a file or stream. */
export function bodyInMemory({ id, body, blob }: Stored): Buffer {
  if (blob === undefined) return body
  throw new DroprError('BODY_LARGE', `the body of message ${id} has ${blob.bytes} bytes`)
}

/** The body's bytes, one after the other; ends with ENTRY_CORRUPT when a large one is not what was sent. */
export function bodyStream(at: BodyAt): Readable {
  return Readable.from(chunks(at), { objectMode: false, highWaterMark: 262_144 })
}

/**
 * Writes the body into a new file. Resolved, with its length: all of it is there, checked and synced. Rejected: no file is left.
 *
 * @throws DroprError ENTRY_CORRUPT, DISK_* (also when there is something by that name).
 */
export async function saveBody(at: BodyAt, path: string): Promise<number> {
  const { files } = at
  const to = resolve(path)
  try {
    const { bytes } = await writeBlob({ files, path: to, chunks: chunks(at) })
    await files.syncFolder(dirname(to))
    return bytes
  } catch (error) {
    throw diskError(error, `save a body to ${to}`)
  }
}

async function* chunks({ files, stored, path, stream, position }: BodyAt): AsyncGenerator<Buffer, void> {
  const { blob, body } = stored
  if (blob === undefined) {
    if (body.length > 0) yield Buffer.from(body)
    return
  }
  const from = placedBlobPath(dirname(path), { stream, position, sha256: blob.sha256 })
  try {
    yield* readBlob(files, from, blob)
  } catch (error) {
    throw diskError(error, `read ${from}`)
  }
}
