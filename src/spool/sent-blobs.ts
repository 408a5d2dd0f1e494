import { diskError } from '../errors.ts'
import { BLOB_ID_BYTES, type Blob } from '../journal/blob-entry.ts'
import { blobsIn } from '../journal/blob-of.ts'
import { listSegments } from '../journal/segment-names.ts'
import { segmentParts } from '../journal/segment-parts.ts'
import { SegmentReader } from '../journal/segment-reader.ts'
import type { BodyKind } from '../message.ts'
import { carryBlob, writeBlob } from './blob-file.ts'
import { sentBlobPath } from './blob-names.ts'
import type { Target } from './outbox-writer.ts'
import { SpaceWatch } from './space-watch.ts'
import type { Spool } from './spool.ts'

/** A folder of the outbox, or one in which messages for later are put. */
export type BlobTarget = Target | { folder: string }

interface Doubt {
  folder: string
  id: string
}

/**
 * Puts bodies that are too large for an entry into files of the outbox, beside the segments. Each is owned by the entry that is
 * appended next; one that has none, since its writer died in between, is found by the cleaning turn.
 */
export class SentBlobs {
  readonly #spool: Spool
  readonly #writer: string
  readonly #space: SpaceWatch
  /**
   * Nobody owns them, and the disk did not let them go; or it did not tell whether an entry with this id in this folder does.
   * While this process lives, nobody else can tell.
   */
  readonly #left = new Map<string, Doubt | undefined>()

  /** @param options.writer The name under which this process lives (WriterLife). */
  constructor(options: { spool: Spool; writer: string }) {
    const { system, path, limits } = options.spool
    this.#spool = options.spool
    this.#writer = options.writer
    this.#space = new SpaceWatch({ system, path, limits })
  }

  /**
   * Resolves when the file and its name are synced. Rejected: nothing is left, or it goes as soon as the disk lets it.
   *
   * @param options.before Called before each piece with the length so far: throws to end it.
   * @throws DroprError DISK_*, and what `chunks` or `before` throw.
   */
  async put(
    to: BlobTarget,
    options: { kind: BodyKind; chunks: AsyncIterable<Uint8Array>; before: (bytes: number) => void }
  ): Promise<Blob> {
    const { kind, chunks, before } = options
    const { system, folders, limits } = this.#spool
    const { files, random } = system
    const folder = this.#folder(to)
    const id = random.bytes(BLOB_ID_BYTES).toString('hex')
    const path = sentBlobPath(folder, this.#writer, id)
    try {
      for (const [left, doubt] of this.#left) await this.#remove(left, doubt)
      await folders.ensure(folder)
      await this.#space.look()
      const check = (bytes: number) => {
        before(bytes)
        this.#space.check()
      }
      const { bytes, sha256 } = await writeBlob({
        files,
        path,
        chunks,
        pieceBytes: limits.blobPieceBytes,
        before: check
      })
      await files.syncFolder(folder)
      return { kind, bytes, sha256, id }
    } catch (error) {
      await this.#remove(path)
      throw error instanceof TypeError ? error : diskError(error, `write ${path}`)
    }
  }

  /** The same body for another place. Resolved: durable there too. */
  async copy(blob: Blob, from: BlobTarget, to: BlobTarget): Promise<void> {
    const { system, folders } = this.#spool
    const path = this.#path(to, blob)
    try {
      await folders.ensure(this.#folder(to))
      await carryBlob(system.files, this.#path(from, blob), path)
    } catch (error) {
      await this.#remove(path)
      throw diskError(error, `write ${path}`)
    }
  }

  /** Of a body whose entry was never appended. Never rejects: what stays goes with a later one, or is found by the cleaning turn. */
  drop(to: BlobTarget, blob: Blob): Promise<void> {
    return this.#remove(this.#path(to, blob))
  }

  /**
   * Of a body whose append was rejected: it goes unless its entry was written all the same, and may be sent. To be called when
   * nothing of that append is under way any more. Never rejects.
   */
  dropUnlessOwned(to: BlobTarget, blob: Blob): Promise<void> {
    return this.#remove(this.#path(to, blob), { folder: this.#folder(to), id: blob.id })
  }

  /** Whether an entry of this process owns it, or may: what cannot be read may be one. */
  async #isOwned({ folder, id }: Doubt): Promise<boolean> {
    const { files } = this.#spool.system
    for (const { path, writer } of await listSegments(files, folder)) {
      const reader = writer === this.#writer ? await SegmentReader.open(files, path) : undefined
      if (reader === undefined) continue
      try {
        for await (const part of segmentParts(reader)) {
          if (part.kind === 'damage') return true
          if (part.kind === 'frame' && blobsIn(part.frame).some(blob => blob.id === id)) return true
        }
      } finally {
        await reader.close()
      }
    }
    return false
  }

  async #remove(path: string, doubt?: Doubt): Promise<void> {
    this.#left.set(path, doubt)
    try {
      if (doubt === undefined || !(await this.#isOwned(doubt))) await this.#spool.system.files.remove(path)
      this.#left.delete(path)
    } catch {
      // With the next body that is sent.
    }
  }

  #folder(to: BlobTarget): string {
    return 'folder' in to ? to.folder : this.#spool.outbox(to.peer, to.channel, to.priority)
  }

  #path(to: BlobTarget, { id }: Blob): string {
    return sentBlobPath(this.#folder(to), this.#writer, id)
  }
}
