import { DroprError, diskError } from '../errors.ts'
import type { Limits } from '../limits.ts'
import { partPath, placedBlobPath } from '../spool/blob-names.ts'
import { SpaceWatch } from '../spool/space-watch.ts'
import type { Spool } from '../spool/spool.ts'
import type { BlobAnswer, BlobPiece } from '../wire/blob.ts'
import { BlobPart } from './blob-part.ts'

/** The message whose body it is. */
export interface BlobOwner {
  channel: string
  stream: string
  position: number
}

/** What is to be in the file, as the sender says. */
export type BlobTarget = Pick<BlobPiece, 'total' | 'sha256'>

/** Bodies under way whose files are kept open; of the others the next piece opens it again. */
const OPEN_MAX = 64
/** A body that came wrong so often is wrong where it comes from. */
const WRONG_MAX = 2
/** Bodies of which is remembered that they came wrong, in this process. */
const WRONG_KEPT_MAX = 1_000

/** Takes large bodies from peers, piece by piece, into files of the inbox that nothing from the network names. */
export class BlobIntake {
  readonly #spool: Spool
  readonly #limits: Limits
  /** By path; the longest unused first. */
  readonly #parts = new Map<string, BlobPart>()
  readonly #turns = new Map<string, Promise<unknown>>()
  readonly #wrong = new Map<string, number>()
  #closed = false

  constructor(options: { spool: Spool; limits: Limits }) {
    this.#spool = options.spool
    this.#limits = options.limits
  }

  /**
   * Stores a piece if it is the one that comes next, and says how much is there, synced. One that does not fit is not stored.
   *
   * @param progress Called now and then while what was there before is read.
   * @throws DroprError DISK_*
   */
  take(owner: BlobOwner, piece: BlobPiece, bytes: Buffer, progress?: () => void): Promise<BlobAnswer> {
    const path = this.#path(owner, piece)
    const before = this.#turns.get(path) ?? Promise.resolve()
    const turn = before
      .catch(() => undefined)
      .then(() => this.#take(path, owner, { piece, bytes, progress }))
      .finally(() => {
        if (this.#turns.get(path) === turn) this.#turns.delete(path)
      })
    this.#turns.set(path, turn)
    return turn
  }

  /** Undefined when the body of that message is here; else why the message cannot be taken, now or ever. */
  async refusal(owner: BlobOwner, target: BlobTarget): Promise<DroprError | undefined> {
    const { total } = target
    const { blobBytesMax } = this.#limits
    if (total > blobBytesMax)
      return new DroprError('MESSAGE_TOO_LARGE', `a body of ${total} bytes, blobBytesMax is ${blobBytesMax}`)
    const path = this.#path(owner, target)
    if (await this.#isThere(path, total)) return undefined
    if ((this.#wrong.get(path) ?? 0) >= WRONG_MAX)
      return new DroprError('ENTRY_CORRUPT', `its body came ${WRONG_MAX} times and was not what the message says`)
    return new DroprError('BLOB_MISSING', `the body of position ${owner.position} is not here yet`)
  }

  async close(): Promise<void> {
    this.#closed = true
    await Promise.allSettled(this.#turns.values())
    await Promise.allSettled([...this.#parts.values()].map(part => part.close()))
    this.#parts.clear()
  }

  async #take(
    path: string,
    owner: BlobOwner,
    came: { piece: BlobPiece; bytes: Buffer; progress: (() => void) | undefined }
  ): Promise<BlobAnswer> {
    const { piece, bytes } = came
    if (this.#closed) throw new DroprError('CLOSED', 'the server is closing')
    const refusal = await this.refusal(owner, piece)
    if (refusal === undefined) return { have: piece.total, state: 'whole' }
    if (refusal.code !== 'BLOB_MISSING') return { have: 0, state: 'refused' }
    try {
      const part = await this.#open(path, owner, piece, came.progress)
      if (piece.at === part.have && bytes.length > 0) await part.append(bytes)
      if (part.have < piece.total) return { have: part.have, state: 'more' }
      this.#parts.delete(path)
      if ((await part.finish()) && (await this.#isThere(path, piece.total)))
        return { have: piece.total, state: 'whole' }
    } catch (error) {
      await this.#drop(path)
      throw diskError(error, `take a large body into ${path}`)
    }
    return this.#cameWrong(path, owner)
  }

  /** Under its name, durably: whoever gave it that name may have died before it was synced. */
  async #isThere(path: string, total: number): Promise<boolean> {
    const { files } = this.#spool.system
    try {
      if ((await files.stat(path))?.bytes !== total) return false
      await files.syncFolder(path.slice(0, path.lastIndexOf('/')))
      return true
    } catch (error) {
      throw diskError(error, `look for ${path}`)
    }
  }

  async #open(
    path: string,
    { channel }: BlobOwner,
    target: BlobTarget,
    progress: (() => void) | undefined
  ): Promise<BlobPart> {
    const { system, folders } = this.#spool
    const known = this.#parts.get(path)
    this.#parts.delete(path)
    if (known === undefined) {
      await folders.ensure(this.#spool.inbox(channel))
      const there = (await system.files.stat(partPath(path)))?.bytes ?? 0
      // One that cannot end must not fill the disk for all others.
      await new SpaceWatch({ system, path: this.#spool.path, limits: this.#limits }).ask(target.total - there)
    }
    const pieceBytes = this.#limits.blobPieceBytes
    const part = known ?? (await BlobPart.open({ system, path, ...target, pieceBytes, progress }))
    this.#parts.set(path, part)
    for (const [oldest, other] of this.#parts) {
      if (this.#parts.size <= OPEN_MAX) break
      if (this.#turns.has(oldest)) continue
      this.#parts.delete(oldest)
      await other.close()
    }
    return part
  }

  /** After a failure nobody knows what the file holds: its sender begins again. */
  async #drop(path: string): Promise<void> {
    const part = this.#parts.get(path)
    this.#parts.delete(path)
    await part?.discard().catch(() => undefined)
  }

  /** It is gone already: the sender still has it, and sends it again, once. */
  #cameWrong(path: string, { channel, stream, position }: BlobOwner): BlobAnswer {
    const times = (this.#wrong.get(path) ?? 0) + 1
    this.#wrong.set(path, times)
    if (this.#wrong.size > WRONG_KEPT_MAX) this.#wrong.delete(this.#wrong.keys().next().value!)
    const { log } = this.#spool.system
    log.error(
      { code: 'ENTRY_CORRUPT', channel, stream, position, times },
      'a large body came and was not what was sent'
    )
    return { have: 0, state: times < WRONG_MAX ? 'more' : 'refused' }
  }

  #path({ channel, stream, position }: BlobOwner, { sha256 }: BlobTarget): string {
    return placedBlobPath(this.#spool.inbox(channel), { stream, position, sha256 })
  }
}
