import { DroprError } from '../errors.ts'
import { blobOf, hasBlob } from '../journal/blob-of.ts'
import { duePlace } from '../journal/due-place.ts'
import { entryBytes } from '../journal/entry.ts'
import { carryBlob } from '../spool/blob-file.ts'
import { type HeldBlob, heldBlobPath, listBlobs, parseHeldBlob, sentBlobPath } from '../spool/blob-names.ts'
import { OutboxBlobs } from '../spool/outbox-blobs.ts'
import type { Spool } from '../spool/spool.ts'
import type { Catalog } from './catalog.ts'
import { findByHash } from './finder.ts'
import { hashBytes } from './hash.ts'
import type { Held } from './held.ts'
import type { Marks } from './marks.ts'
import { changedFolder } from './shard-root.ts'

export interface HeldBlobsOptions {
  spool: Spool
  /** The shard's folder. */
  root: string
  catalog: Catalog
  marks: Marks
}

export interface CleanedBlobs {
  files: number
  /** On the disk. */
  bytes: number
}

/** Where they lie, of a shard's folder. */
export function blobFolder(root: string): string {
  return `${root}/blobs`
}

/**
 * The large bodies of what one shard holds.
 *
 * A sender puts one beside its intake segment, as in an outbox. When its message is taken over it gets a second name, in `blobs/`; when
 * the message is handed over a third, in the outbox: each synced before the message is there. So the names that are too many after
 * a crash are found by looking who still needs them: in the intake nobody once the message was taken over, in `blobs/` nobody once no
 * held message names it.
 */
export class HeldBlobs {
  readonly #spool: Spool
  readonly #folder: string
  readonly #intake: string
  readonly #catalog: Catalog
  readonly #marks: Marks
  readonly #sent: OutboxBlobs
  /** Those that perhaps nobody needs, by path. */
  readonly #doubted = new Map<string, HeldBlob>()
  #looked = false

  constructor({ spool, root, catalog, marks }: HeldBlobsOptions) {
    this.#spool = spool
    this.#folder = blobFolder(root)
    this.#intake = `${root}/in`
    this.#catalog = catalog
    this.#marks = marks
    this.#sent = new OutboxBlobs({ spool, next: stream => marks.next(stream) })
  }

  /** To be called before the messages of an intake segment are in their buckets. */
  async take(writer: string, entries: Buffer): Promise<void> {
    const { files, log } = this.#spool.system
    for (let at = 0; at < entries.length; at += entryBytes(entries, at)) {
      if (!hasBlob(entries, at)) continue
      const { path, id } = this.#of(entries, at)
      await this.#spool.folders.ensure(this.#folder)
      const from = sentBlobPath(this.#intake, writer, id)
      if (!(await carryBlob(files, from, path)))
        log.error({ code: 'ENTRY_CORRUPT', path: from }, 'a large body is gone')
    }
  }

  /**
   * To be called before the message, which is to go with another body, is anywhere: that body was put there by that writer.
   *
   * @throws DroprError BODY_UNREADABLE when it is not there any more; system errors.
   */
  async adopt(entry: Buffer, writer: string): Promise<void> {
    const { path, id } = this.#of(entry, 0)
    await this.#spool.folders.ensure(this.#folder)
    const from = sentBlobPath(changedFolder(this.#spool.path), writer, id)
    if (!(await carryBlob(this.#spool.system.files, from, path)))
      throw new DroprError('BODY_UNREADABLE', `the new body is not at ${from} any more`)
  }

  /** To be called before the message at `at` is in that folder of the outbox, in a segment of that writer. */
  async handOver(entry: Buffer, at: number, to: { folder: string; writer: string }): Promise<void> {
    const { path, id } = this.#of(entry, at)
    await this.#spool.folders.ensure(to.folder)
    const there = await carryBlob(this.#spool.system.files, path, sentBlobPath(to.folder, to.writer, id))
    // Whoever sends it says openly that the message is damaged.
    if (!there) this.#spool.system.log.error({ code: 'ENTRY_CORRUPT', path }, 'a large body is gone')
  }

  /** The message at `at` does not need its body here any more. */
  doubt(entry: Buffer, at: number): void {
    const blob = this.#of(entry, at)
    this.#doubted.set(blob.path, blob)
  }

  /** To be called before finished segments of the intake are removed. @throws DroprError DISK_* */
  async cleanIntake(): Promise<void> {
    await this.#sent.clean(this.#intake)
  }

  /** To be called after `cleanIntake`, before this finished segment of the intake is removed. @throws DroprError DISK_* */
  async removeWith(segment: Parameters<OutboxBlobs['removeWith']>[0]): Promise<void> {
    await this.#sent.removeWith(segment)
  }

  /** A bucket segment is gone. What in it could not be read may have named some: nobody can say any more which. */
  gone({ scanned, hasLost }: Held): void {
    if (scanned || hasLost) this.#looked = false
  }

  /**
   * Removes what nobody needs. To be called when all marks are synced: what was handed over must not come again without its body.
   *
   * @returns What went, or in a dry run what would.
   */
  async settle(dryRun = false): Promise<CleanedBlobs> {
    const { files } = this.#spool.system
    const gone = { files: 0, bytes: 0 }
    // Not what comes to be doubted meanwhile: its marks may not be synced.
    const doubted = [...this.#doubted.values()]
    for (const blob of doubted) {
      if (await this.#isNeeded(blob)) {
        // Where some segment can only be read in parts, its message may come to light when that is moved.
        if (!this.#isInDoubt) this.#doubted.delete(blob.path)
        continue
      }
      gone.bytes += (await files.stat(blob.path))?.bytesUsed ?? 0
      gone.files++
      if (dryRun) continue
      await files.remove(blob.path)
      this.#doubted.delete(blob.path)
    }
    return gone
  }

  /** From now on each that lies there is doubted, whoever left it. */
  async doubtAll(): Promise<void> {
    for (const blob of await listBlobs(this.#spool.system.files, this.#folder, parseHeldBlob))
      this.#doubted.set(blob.path, blob)
    this.#looked = true
  }

  /** Whether there is something to settle. */
  get isDue(): boolean {
    return this.#doubted.size > 0
  }

  /** Whether all that lies there was looked at since an earlier scheduler, or damage, may have left some that nobody needs. */
  get looked(): boolean {
    return this.#looked
  }

  get #isInDoubt(): boolean {
    for (const { scanned } of this.#catalog.all) if (scanned) return true
    return false
  }

  async #isNeeded({ id, hash, whole }: HeldBlob): Promise<boolean> {
    // A copy that a crash cut off: it is made again.
    if (!whole) return false
    if (this.#isInDoubt) return true
    for (const entry of this.#marks.homeless.values()) if (blobOf(entry, 0)?.id === id) return true
    for (const { held, position, stored } of await findByHash(this.#spool, this.#catalog.all, hash)) {
      if (held.isDone(position) || this.#marks.moved.has(held.stream)) continue
      // One that cannot be read may be this one.
      if (stored === undefined || stored.blob?.id === id) return true
    }
    return false
  }

  #of(entry: Buffer, at: number): HeldBlob {
    const { id } = blobOf(entry, at)!
    const { idAt, idEnd } = duePlace(entry, at)!
    const hash = hashBytes(entry, idAt, idEnd)
    return { path: heldBlobPath(this.#folder, { id, hash }), id, hash, whole: true }
  }
}
