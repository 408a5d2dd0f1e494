import { DroprError } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { System } from '../system/system.ts'

/** Free space is asked for so often at most: a disk fills in seconds, not in milliseconds. */
const LOOK_MS = 500
/** Of a small disk no more than this part is kept free. */
const PART_MAX = 0.05

/**
 * Refuses new messages before the disk is full: what is kept free is for verdicts, marks and whatever removing needs.
 *
 * Asks in the background: nobody waits for it.
 */
export class SpaceWatch {
  readonly #system: Pick<System, 'files' | 'clock'>
  readonly #path: string
  readonly #limits: Pick<Limits, 'spaceFreeBytesMin'>
  #lookedAt = Number.NEGATIVE_INFINITY
  #looking: Promise<void> | undefined
  #short: { free: number; kept: number } | undefined

  constructor(options: {
    system: Pick<System, 'files' | 'clock'>
    path: string
    limits: Pick<Limits, 'spaceFreeBytesMin'>
  }) {
    this.#system = options.system
    this.#path = options.path
    this.#limits = options.limits
  }

  /** @throws DroprError DISK_FULL when less is free than is to be kept, as far as known. */
  check(): void {
    if (this.#system.clock.ticks() >= this.#lookedAt + LOOK_MS) void this.look()
    if (this.#short === undefined) return
    const { free, kept } = this.#short
    throw new DroprError('DISK_FULL', `${free} bytes are free, ${kept} are kept for verdicts and removal`)
  }

  /** Resolves when it is known how much is free. What cannot be asked refuses nothing. */
  look(): Promise<void> {
    this.#looking ??= this.#ask().finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  async #ask(): Promise<void> {
    this.#lookedAt = this.#system.clock.ticks()
    try {
      const { free, total } = await this.#system.files.space(this.#path)
      const kept = Math.min(this.#limits.spaceFreeBytesMin, Math.floor(total * PART_MAX))
      this.#short = free < kept ? { free, kept } : undefined
    } catch {
      this.#short = undefined
    }
  }
}
