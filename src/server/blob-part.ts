import { createHash, type Hash } from 'node:crypto'
import { partPath } from '../spool/blob-names.ts'
import type { AppendFile, Files } from '../system/files.ts'
import type { System } from '../system/system.ts'

const READ_BYTES = 1_048_576
const PROGRESS_MS = 1_000

export interface BlobPartOptions {
  system: Pick<System, 'files' | 'clock'>
  /** What it is called once it is whole. */
  path: string
  total: number
  sha256: string
  /** Written, and synced, at once at most. */
  pieceBytes: number
  progress: (() => void) | undefined
}

/**
 * A large body that is coming in: a file that is written from front to back, each piece synced before the next, and renamed when
 * all of it is there and is what it should be.
 *
 * What another process left is gone on with, but for its last `pieceBytes`: only they may not have been synced. Whether the
 * rest is right, the sum over the whole says at the end.
 */
export class BlobPart {
  readonly #options: BlobPartOptions
  readonly #files: Files
  readonly #part: string
  readonly #file: AppendFile
  readonly #hash: Hash
  #have: number

  private constructor(options: BlobPartOptions, part: string, file: AppendFile, hash: Hash, have: number) {
    this.#options = options
    this.#files = options.system.files
    this.#part = part
    this.#file = file
    this.#hash = hash
    this.#have = have
  }

  /** @throws system errors. */
  static async open(options: BlobPartOptions): Promise<BlobPart> {
    const { system, path, total, pieceBytes } = options
    const { files } = system
    const part = partPath(path)
    const hash = createHash('sha256')
    const found = await files.stat(part)
    if (found === undefined) return new BlobPart(options, part, await files.create(part), hash, 0)
    const have = Math.max(0, Math.min(found.bytes, total) - pieceBytes)
    await files.truncate(part, have)
    await readInto(hash, part, have, options)
    return new BlobPart(options, part, await files.reopen(part), hash, have)
  }

  /** So many bytes are there, synced. */
  get have(): number {
    return this.#have
  }

  async append(bytes: Buffer): Promise<void> {
    const { pieceBytes } = this.#options
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      const piece = bytes.subarray(at, at + pieceBytes)
      this.#hash.update(piece)
      await this.#file.writeSynced([piece], this.#have)
      this.#have += piece.length
    }
  }

  /** All of it has come: gives it its name, not synced. False when it is not what it should be: then it is gone. */
  async finish(): Promise<boolean> {
    const { path, sha256 } = this.#options
    await this.#file.close()
    if (this.#hash.digest('hex') !== sha256) {
      await this.#files.remove(this.#part)
      return false
    }
    await this.#files.rename(this.#part, path)
    return true
  }

  /** Leaves it as it is. */
  close(): Promise<void> {
    return this.#file.close()
  }

  async discard(): Promise<void> {
    await this.#file.close().catch(() => undefined)
    await this.#files.remove(this.#part)
  }
}

async function readInto(hash: Hash, part: string, bytes: number, options: BlobPartOptions): Promise<void> {
  const { system, progress } = options
  const file = await system.files.open(part)
  const into = Buffer.allocUnsafeSlow(Math.min(READ_BYTES, bytes))
  let told = system.clock.ticks()
  try {
    for (let at = 0; at < bytes; at += into.length) {
      const got = into.subarray(0, Math.min(into.length, bytes - at))
      await file.read(got, at)
      hash.update(got)
      if (system.clock.ticks() - told < PROGRESS_MS) continue
      told = system.clock.ticks()
      progress?.()
    }
  } finally {
    await file.close()
  }
}
