import { systemCode } from '../errors.ts'
import type { AppendFile } from '../system/files.ts'

/**
 * A growing file changes its length with every commit; one filled ahead with zeros does not: 1.3 to 2.3 times the commits.
 * Each filling is as long as what is there, so that a small segment stays small. With large commits the zeros cost more than
 * they save: they are as many bytes again.
 */
const PREALLOCATE = {
  fromBytes: 8_192,
  stepBytesMin: 65_536,
  stepBytesMax: 4_194_304,
  commitBytesMax: 262_144,
  aheadBytesMin: 131_072
}
/** The first filling leaves room out for so many commits: those that come while it lasts. */
const GAP_COMMITS = 4
/** Commits are small or large on the average of so many: a mark between two ranges does not make them small. */
const AVERAGE_OF = 8

/** The zeros that a segment is filled with ahead of its commits. */
export class ZerosAhead {
  readonly #file: AppendFile
  /** Once the segment has so many, another one follows: no zeros beyond. */
  readonly #bytesMax: number
  /** Of a synced commit, lately. */
  #commitBytes = 0
  #to = 0
  #writing: Promise<void> | undefined
  /** Where those that are being written begin. */
  #writingFrom = 0
  #failed: Error | undefined

  constructor(file: AppendFile, bytesMax: number) {
    this.#file = file
    this.#bytesMax = bytesMax
  }

  /** Up to here the file has been filled; no less than any file is long when nothing more will be. */
  get to(): number {
    return this.#to
  }

  /** Never rejects. */
  get writing(): Promise<void> | undefined {
    return this.#writing
  }

  /** A commit was synced, while the next one goes to `position`. */
  committed(began: number, end: number, position: number): void {
    this.#commitBytes += (end - began - this.#commitBytes) / (began === 0 ? 1 : AVERAGE_OF)
    if (end <= PREALLOCATE.fromBytes || this.#commitBytes > PREALLOCATE.commitBytesMax) return
    const step = Math.min(Math.max(position, PREALLOCATE.stepBytesMin), PREALLOCATE.stepBytesMax)
    this.#write(position, step, Math.ceil(this.#commitBytes) * GAP_COMMITS)
  }

  /** So many bytes will come. */
  async prepare(position: number, bytes: number): Promise<void> {
    if (bytes < PREALLOCATE.aheadBytesMin || position + bytes < this.#to) return
    this.#write(position, PREALLOCATE.stepBytesMax, 0)
    await this.#writing
  }

  /** What a commit that ends at `end` has to wait for. */
  reached(end: number): Promise<void> | undefined {
    return end > this.#writingFrom ? this.#writing : undefined
  }

  /** Throws when a sync of them failed: the file takes nothing more. */
  check(): void {
    if (this.#failed !== undefined) throw this.#failed
  }

  /** Only beyond what there was before, where no commit writes. Running out of space is no error, a failed sync is. */
  #write(position: number, step: number, gap: number): void {
    if (this.#writing !== undefined || position + step / 2 < this.#to) return
    const from = Math.max(this.#to, position + gap)
    const to = Math.min(from + step, this.#bytesMax)
    if (to <= from) return
    this.#writingFrom = from
    this.#writing = this.#file
      .preallocate(from, to)
      .then(
        () => {
          this.#to = to
        },
        (error: unknown) => {
          if (systemCode(error) !== 'ENOSPC') this.#failed = error instanceof Error ? error : new Error(String(error))
          this.#to = Number.MAX_SAFE_INTEGER
        }
      )
      .finally(() => {
        this.#writing = undefined
      })
  }
}
