import { createHash } from 'node:crypto'
import { DroprError, systemCode } from '../errors.ts'
import { LIMITS } from '../limits.ts'
import type { Files } from '../system/files.ts'
import { partPath } from './blob-names.ts'

const READ_BYTES = 262_144

/** Where the file system does not do hard links. */
const NO_LINKS = new Set(['EXDEV', 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK', 'ENOSYS'])

export interface BlobFacts {
  bytes: number
  /** 64 hex digits. */
  sha256: string
}

/**
 * Writes a new file from chunks, in constant memory: they are copied into one buffer, which goes to the disk, synced, whenever
 * it is full. Resolved: the bytes are synced; the name is not yet. Rejected: no file is left, if the disk lets it go.
 *
 * @param options.pieceBytes The size of that buffer: what waits for the disk is never more, whatever the length of the body.
 * @param options.before Called before each piece: throws to end it (no space, aborted).
 * @throws what `chunks` or `before` throw, and system errors.
 */
export async function writeBlob(options: {
  files: Files
  path: string
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>
  pieceBytes?: number
  before?: (bytes: number) => void
}): Promise<BlobFacts> {
  const { files, path, chunks, pieceBytes = LIMITS.blobPieceBytes.default, before = () => undefined } = options
  const file = await files.create(path)
  const hash = createHash('sha256')
  const piece = Buffer.allocUnsafeSlow(pieceBytes)
  let filled = 0
  let written = 0
  const put = async () => {
    before(written + filled)
    const bytes = piece.subarray(0, filled)
    hash.update(bytes)
    await file.writeSynced([bytes], written)
    written += filled
    filled = 0
  }
  try {
    for await (const chunk of chunks) {
      for (let at = 0; at < chunk.length; ) {
        const bytes = Math.min(pieceBytes - filled, chunk.length - at)
        piece.set(chunk.subarray(at, at + bytes), filled)
        filled += bytes
        at += bytes
        if (filled === pieceBytes) await put()
      }
    }
    if (filled > 0) await put()
    await file.close()
  } catch (error) {
    await file.close().catch(() => undefined)
    // What stays, since the disk does not let it go, is found by the cleaning turn.
    await files.remove(path).catch(() => undefined)
    throw error
  }
  return { bytes: written, sha256: hash.digest('hex') }
}

/**
 * Gives a blob a second name in another room: a hard link, or a copy where there are none. Resolved: the name is durable, and
 * so are its bytes. What bears the name already is the same body: the name says so.
 *
 * @returns False when there is no such blob.
 */
export async function carryBlob(files: Files, from: string, to: string): Promise<boolean> {
  try {
    await files.link(from, to)
  } catch (error) {
    const code = systemCode(error) ?? ''
    if (code === 'ENOENT') {
      if ((await files.stat(to)) === undefined) {
        // Not the blob is gone, but the folder that it was to go to: with an empty channel, at this moment.
        if ((await files.stat(from)) !== undefined) throw error
        return false
      }
    } else if (NO_LINKS.has(code)) await copyBlob(files, from, to)
    else if (code !== 'EEXIST') throw error
  }
  await files.syncFolder(to.slice(0, to.lastIndexOf('/')))
  return true
}

async function copyBlob(files: Files, from: string, to: string): Promise<void> {
  const part = partPath(to)
  await files.remove(part)
  await writeBlob({ files, path: part, chunks: readBlob(files, from) })
  await files.rename(part, to)
}

/**
 * The bytes of a blob, piece by piece.
 *
 * @param facts What it must be: reading ends with ENTRY_CORRUPT when it is not.
 * @throws DroprError ENTRY_CORRUPT, and system errors.
 */
export async function* readBlob(files: Files, path: string, facts?: BlobFacts): AsyncGenerator<Buffer, void> {
  const file = await files.open(path)
  const hash = createHash('sha256')
  let at = 0
  let isOpen = true
  try {
    for (;;) {
      const into = Buffer.allocUnsafeSlow(READ_BYTES)
      const bytes = into.subarray(0, await file.read(into, at))
      at += bytes.length
      let last = bytes.length < READ_BYTES
      if (facts !== undefined) {
        hash.update(bytes)
        // Before its end is given away: who counts bytes must not take it for whole.
        if (last || at >= facts.bytes) check(path, facts, { bytes: at, sha256: hash.copy().digest('hex') })
        last ||= at === facts.bytes && (await file.read(Buffer.alloc(1), at)) === 0
      }
      if (last) {
        // Nothing is waited for after the last piece: who counts bytes may be gone with it, and has all.
        isOpen = false
        await file.close()
      }
      if (bytes.length > 0) yield bytes
      if (last) return
    }
  } finally {
    if (isOpen) await file.close()
  }
}

/**
 * The bytes [from, to) of a blob, piece by piece. They are not checked: a part cannot be told by the SHA-256 of the whole.
 *
 * @throws DroprError ENTRY_CORRUPT when there are fewer, and system errors.
 */
export async function* readBlobPart(
  files: Files,
  path: string,
  { from, to }: { from: number; to: number }
): AsyncGenerator<Buffer, void> {
  const file = await files.open(path)
  try {
    for (let at = from; at < to; ) {
      const into = Buffer.allocUnsafeSlow(Math.min(READ_BYTES, to - at))
      const bytes = into.subarray(0, await file.read(into, at))
      if (bytes.length === 0) throw new DroprError('ENTRY_CORRUPT', `${path} ends at ${at}, before ${to}`)
      at += bytes.length
      yield bytes
    }
  } finally {
    await file.close()
  }
}

function check(path: string, facts: BlobFacts, found: BlobFacts): void {
  if (found.bytes !== facts.bytes)
    throw new DroprError('ENTRY_CORRUPT', `${path} has ${found.bytes} bytes, not ${facts.bytes}`)
  if (found.sha256 !== facts.sha256)
    throw new DroprError('ENTRY_CORRUPT', `${path} is not what was sent: its SHA-256 differs`)
}
