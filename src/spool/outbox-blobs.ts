import { diskError } from '../errors.ts'
import { beyond } from '../journal/beyond.ts'
import { blobOf } from '../journal/blob-of.ts'
import { entryBytes } from '../journal/entry.ts'
import { mendBit } from '../journal/mend-bit.ts'
import { SEGMENT_HEAD_BYTES } from '../journal/segment-head.ts'
import { listSegments, type SegmentName } from '../journal/segment-names.ts'
import { SegmentReader } from '../journal/segment-reader.ts'
import { listBlobs, parseSentBlob, type SentBlob, sentBlobPath } from './blob-names.ts'
import type { Spool } from './spool.ts'
import { isWriterAlive } from './writer-life.ts'

const READ_BYTES = 1_048_576

/** Which entry owns a blob. */
interface Place {
  stream: string
  position: number
}

/** How far a segment was read, and where in it is what cannot be: places in the file, [from, to). */
interface ReadSoFar {
  to: number
  damages: [from: number, to: number][]
}

/**
 * Removes the large bodies in the outbox folders of one peer that nobody needs any more: those that have arrived, and those
 * whose writer died before the entry that was to own them.
 *
 * What a live writer may still be filling is never judged: whether it lives is asked before its segments are read.
 */
export class OutboxBlobs {
  readonly #spool: Pick<Spool, 'system' | 'socket'>
  readonly #next: (stream: string) => number
  /** By path; of those whose entry was found. */
  readonly #places = new Map<string, Place>()
  /** By path of the segment. */
  readonly #read = new Map<string, ReadSoFar>()

  /** @param options.next How far a stream has arrived, as far as that is on record. */
  constructor(options: { spool: Pick<Spool, 'system' | 'socket'>; next: (stream: string) => number }) {
    this.#spool = options.spool
    this.#next = options.next
  }

  /**
   * To be called before finished segments are removed: a blob never outlives the entry that tells whose it is.
   *
   * @returns How many went.
   * @throws DroprError DISK_*
   */
  async clean(folder: string): Promise<number> {
    const going = await this.over(folder)
    try {
      for (const { path } of going) await this.#spool.system.files.remove(path)
      return going.length
    } catch (error) {
      throw diskError(error, `clean ${folder}`)
    }
  }

  /**
   * To be called after `clean`, before a finished segment is removed: of those that only what cannot be read in it names. Once it is
   * gone nothing could tell them from what its writer is still filling, and that may live for months. Until then they stay: what
   * was lost with that place may be put together by hand.
   *
   * @throws DroprError DISK_*
   */
  async removeWith(segment: {
    path: string
    stream: string
    writer: string
    ended: number | undefined
  }): Promise<void> {
    const { path, stream, writer, ended } = segment
    const damages = this.#read.get(path)?.damages ?? []
    if (damages.length === 0 || this.#next(stream) < (ended ?? Number.POSITIVE_INFINITY)) return
    const { files } = this.#spool.system
    try {
      const blobs = await listBlobs(files, path.slice(0, path.lastIndexOf('/')), parseSentBlob)
      const doubtful = blobs.filter(blob => blob.writer === writer && !this.#places.has(blob.path))
      const reader = doubtful.length === 0 ? undefined : await SegmentReader.open(files, path)
      if (reader === undefined) return
      try {
        const named = new Set<SentBlob>()
        for (const [from, to] of damages) {
          const bytes = await reader.raw(from, to - from)
          for (const blob of doubtful) if (isNamedIn(bytes, blob)) named.add(blob)
        }
        for (const blob of named) await files.remove(blob.path)
      } finally {
        await reader.close()
      }
    } catch (error) {
      throw diskError(error, `remove the large bodies of ${path}`)
    }
  }

  /** Those that would go. @throws DroprError DISK_* */
  async over(folder: string): Promise<SentBlob[]> {
    const { files } = this.#spool.system
    try {
      const blobs = await listBlobs(files, folder, parseSentBlob)
      this.#forget(folder, new Set(blobs.map(({ path }) => path)))
      const writers = new Set(blobs.filter(({ path }) => !this.#places.has(path)).map(({ writer }) => writer))
      const judged = new Set<string>()
      for (const writer of writers) if (!(await isWriterAlive(this.#spool, writer))) judged.add(writer)
      // Only then: what a dead writer wrote is all there.
      for (const segment of writers.size === 0 ? [] : await listSegments(files, folder)) {
        if (!writers.has(segment.writer)) continue
        await this.#look(folder, segment)
        // The entry may be in what cannot be read, and be saved from there: nothing is judged until the segment is gone.
        if ((this.#read.get(segment.path)?.damages.length ?? 0) > 0) judged.delete(segment.writer)
      }
      return blobs.filter(blob => this.#isOver(blob, judged))
    } catch (error) {
      throw diskError(error, `look into ${folder}`)
    }
  }

  #isOver({ path, writer }: SentBlob, judged: ReadonlySet<string>): boolean {
    const place = this.#places.get(path)
    return place === undefined ? judged.has(writer) : this.#next(place.stream) > place.position
  }

  /** A blob is there before its entry: one that is not there any more will not come again. */
  #forget(folder: string, there: ReadonlySet<string>): void {
    for (const path of this.#places.keys())
      if (path.startsWith(`${folder}/`) && !there.has(path)) this.#places.delete(path)
    if (there.size > 0) return
    for (const path of this.#read.keys()) if (path.startsWith(`${folder}/`)) this.#read.delete(path)
  }

  /** Notes the places of blobs in what the segment has more than at the last look. */
  async #look(folder: string, segment: SegmentName): Promise<void> {
    const reader = await SegmentReader.open(this.#spool.system.files, segment.path)
    if (reader === undefined) return
    const { stream } = reader.head
    const read = this.#read.get(segment.path) ?? { to: SEGMENT_HEAD_BYTES, damages: [] }
    this.#read.set(segment.path, read)
    try {
      for (;;) {
        const { frames, next, stop } = await reader.read(read.to, READ_BYTES)
        for (const { payload, first, kind } of frames) {
          if (kind !== 'data') continue
          for (let at = 0, i = 0; at < payload.length; at += entryBytes(payload, at), i++) {
            const blob = blobOf(payload, at)
            if (blob === undefined) continue
            this.#places.set(sentBlobPath(folder, segment.writer, blob.id), { stream, position: first + i })
          }
        }
        read.to = next
        if (stop === 'more') continue
        // Behind zeros too: the disk may have lost what was there, and what comes after it still arrives.
        const { next: after } = await beyond(reader, next)
        if (after === undefined) return
        if (after.offset === next || (await reader.read(next, READ_BYTES)).frames.length > 0) continue
        read.damages.push([next, after.offset])
        read.to = after.offset
      }
    } finally {
      await reader.close()
    }
  }
}

/** Eight random bytes are nowhere by chance. The bit that was turned may be in them. */
function isNamedIn(bytes: Buffer, { id }: SentBlob): boolean {
  const there = (tried: Buffer) => bytes.includes(tried) || undefined
  const name = Buffer.from(id, 'hex')
  return there(name) ?? mendBit(name, there) ?? false
}
