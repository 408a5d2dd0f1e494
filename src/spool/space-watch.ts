import { DroprError } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { System } from '../system/system.ts'

/** Free space is asked for so often at most: a disk fills in seconds, not in milliseconds. */
const LOOK_MS = 500
/** And each time so much of what is kept has been announced: other processes write too. */
const LOOK_PART = 0.25
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
  /** What was free and is to be kept when it was last asked; undefined while nobody knows. */
  #known: { free: number; kept: number } | undefined
  /** Bytes announced since: a burst must not use up what is kept before anybody asks again. */
  #announced = 0
  #asking = 0

  constructor(options: {
    system: Pick<System, 'files' | 'clock'>
    path: string
    limits: Pick<Limits, 'spaceFreeBytesMin'>
  }) {
    this.#system = options.system
    this.#path = options.path
    this.#limits = options.limits
  }

  /**
   * @param bytes About so many are to be written.
   * @param part Of what is kept free, how much is not for the asker. Default 1: all.
   * @param now Wall ms: who has just looked at the clock says so, since that takes longer than all of this.
   * @throws DroprError DISK_FULL when less is free than is to be kept, as far as known.
   */
  check(bytes = 0, part = 1, now = this.#system.clock.now()): void {
    this.#announced += bytes
    const many = this.#known !== undefined && this.#announced > this.#known.kept * LOOK_PART
    if (many || Math.abs(now - this.#lookedAt) >= LOOK_MS) void this.look()
    if (this.#known === undefined) return
    const kept = this.#known.kept * part
    const free = this.#known.free - this.#announced
    if (free >= kept) return
    // They are not written now.
    this.#announced -= bytes
    throw new DroprError('DISK_FULL', `${free} bytes are free, ${kept} are kept for verdicts and removal`)
  }

  /** As `check`, for who can wait a moment: false when it would refuse, or others wait already. Then `ask`, in order. */
  fits(bytes: number, now?: number): boolean {
    if (this.#asking > 0) return false
    try {
      this.check(bytes, 1, now)
      return true
    } catch {
      return false
    }
  }

  /** Asks again how much is free, since what was known may be half a second old. @throws DroprError DISK_FULL */
  async ask(bytes: number): Promise<void> {
    this.#asking++
    try {
      await this.look()
    } finally {
      this.#asking--
    }
    this.check(bytes)
  }

  /** Whether less is free than twice what is to be kept, as it was when last asked. */
  get short(): boolean {
    return this.#known !== undefined && this.#known.free < 2 * this.#known.kept
  }

  /** Resolves when it is known how much is free. What cannot be asked refuses nothing. */
  look(): Promise<void> {
    this.#looking ??= this.#ask().finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  async #ask(): Promise<void> {
    this.#lookedAt = this.#system.clock.now()
    const before = this.#announced
    try {
      const { free, total } = await this.#system.files.space(this.#path)
      const kept = Math.min(this.#limits.spaceFreeBytesMin, Math.floor(total * PART_MAX))
      this.#known = kept === 0 ? undefined : { free, kept }
    } catch {
      this.#known = undefined
    }
    this.#announced -= before
  }
}
