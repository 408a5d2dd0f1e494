import { DroprError, diskError, systemCode } from '../errors.ts'
import { blobOf } from '../journal/blob-of.ts'
import type { Limits } from '../limits.ts'
import { blobBesideSegment } from '../spool/blob-names.ts'
import type { EntriesRange, Range } from '../spool/range.ts'
import type { Files } from '../system/files.ts'
import type { UploadAnswer, UploadRequest } from '../wire/upload.ts'
import type { StreamSource } from './stream-source.ts'

/** How pieces are sent: as uploads that are `about` the message. */
export interface Carrying {
  about: UploadRequest
  upload: (request: UploadRequest) => Promise<UploadAnswer>
}

const NOTHING = Buffer.alloc(0)

/**
 * Brings large bodies to one peer, piece by piece: each piece is one upload like any other, so that a long body takes no more
 * than its turn. The peer says where to begin; after a failure it is asked again.
 */
export class BlobCarrier {
  readonly #files: Files
  readonly #limits: Limits
  /** By stream: the body under way, and so much of it is known to be there. */
  readonly #under = new Map<string, { position: number; have: number }>()
  /** Buffers that no upload uses. */
  readonly #free: Buffer[] = []

  constructor(options: { files: Files; limits: Limits }) {
    this.#files = options.files
    this.#limits = options.limits
  }

  /**
   * Takes one step: a piece, or the question where to begin.
   *
   * @param range One message with a large body.
   * @returns What of the stream may be uploaded now: the message once its body is there, a skip when the body cannot be read;
   * undefined when another step is to be taken.
   * @throws what `upload` does; DroprError DISK_*, STREAM_CONFLICT.
   */
  async next(source: StreamSource, range: EntriesRange, { about, upload }: Carrying): Promise<Range | undefined> {
    const blob = blobOf(range.entries, 0)
    const path = blob && source.path && blobBesideSegment(source.path, blob.id)
    const gone: Range = { from: range.from, to: range.to, skip: 'damaged' }
    if (!blob || !path) return gone
    const { bytes: total, sha256 } = blob
    const { stream } = source
    const known = this.#under.get(stream)
    this.#under.delete(stream)
    const at = known?.position === range.from ? known.have : undefined
    const piece = await this.#read(path, at, total).catch((error: unknown) => {
      throw diskError(error, `read ${path}`)
    })
    if (piece === undefined) return gone
    const answer = await upload({ ...about, entries: piece, blob: { at: at ?? 0, total, sha256 } })
    const { have, state } = answer.blob!
    this.#give(piece)
    if (state !== 'more') return range
    if (at !== undefined && have <= at)
      throw new DroprError('STREAM_CONFLICT', `of the body of ${total} bytes the peer has ${have}, it had ${at}`)
    this.#under.set(stream, { position: range.from, have })
    return undefined
  }

  /** The bytes from `at` on; none when it is to be asked first. Undefined when the file is not what the message says. */
  async #read(path: string, at: number | undefined, total: number): Promise<Buffer | undefined> {
    const file = await this.#files.open(path).catch((error: unknown) => {
      if (systemCode(error) === 'ENOENT') return undefined
      throw error
    })
    if (file === undefined) return undefined
    try {
      if ((await file.bytes()) !== total) return undefined
      if (at === undefined) return NOTHING
      const { blobPieceBytes } = this.#limits
      const free = this.#free.pop()
      const into = free?.length === blobPieceBytes ? free : Buffer.allocUnsafeSlow(blobPieceBytes)
      return into.subarray(0, await file.read(into.subarray(0, Math.min(into.length, total - at)), at))
    } finally {
      await file.close()
    }
  }

  /** Not after a failure: somebody may still be sending it. */
  #give(piece: Buffer): void {
    if (piece.buffer.byteLength !== this.#limits.blobPieceBytes) return
    if (this.#free.length < this.#limits.uploadsPerPeerMax) this.#free.push(Buffer.from(piece.buffer))
  }
}
