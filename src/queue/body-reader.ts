import { dirname, resolve } from 'node:path'
import { Readable } from 'node:stream'
import { DroprError, diskError } from '../errors.ts'
import type { BodyKind, Stored } from '../message.ts'
import { readBlob, readBlobPart, writeBlob } from '../spool/blob-file.ts'
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
  return streamOf(chunks(at))
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

/** A body of its own file, for who holds its message and has let go of the rest. */
export interface LargeBody {
  kind: BodyKind
  bytes: number
  /** 64 hex digits. */
  sha256: string
  /** The whole, checked as by `bodyStream`; or a part, which is not checked. */
  stream(part?: { from: number; to: number }): Readable
}

/** Undefined for one that came with its message. */
export function largeBodyOf({ files, stored, ...place }: BodyAt): LargeBody | undefined {
  const { kind, blob } = stored
  if (blob === undefined) return undefined
  const { bytes, sha256 } = blob
  const path = pathOf(place, sha256)
  const stream: LargeBody['stream'] = part =>
    streamOf(typed(part ? readBlobPart(files, path, part) : readBlob(files, path, { bytes, sha256 }), path))
  return { kind, bytes, sha256, stream }
}

async function* chunks({ files, stored, ...place }: BodyAt): AsyncGenerator<Buffer, void> {
  const { blob, body } = stored
  if (blob === undefined) {
    if (body.length > 0) yield Buffer.from(body)
    return
  }
  const path = pathOf(place, blob.sha256)
  yield* typed(readBlob(files, path, blob), path)
}

async function* typed(bytes: AsyncGenerator<Buffer, void>, path: string): AsyncGenerator<Buffer, void> {
  try {
    yield* bytes
  } catch (error) {
    throw diskError(error, `read ${path}`)
  }
}

function streamOf(bytes: AsyncGenerator<Buffer, void>): Readable {
  return Readable.from(bytes, { objectMode: false, highWaterMark: 262_144 })
}

function pathOf({ path, stream, position }: Omit<BodyAt, 'files' | 'stored'>, sha256: string): string {
  return placedBlobPath(dirname(path), { stream, position, sha256 })
}
