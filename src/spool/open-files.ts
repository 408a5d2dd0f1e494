/** Something that holds a file open and can do without for a while. */
export interface Holder {
  release(): Promise<void>
}

/** Keeps the number of open files bounded: whoever has not read for longest lets go. */
export class OpenFiles {
  readonly #max: number
  readonly #holders = new Map<Holder, true>()

  constructor(max: number) {
    this.#max = max
  }

  get size(): number {
    return this.#holders.size
  }

  /** `holder` has a file open and uses it now. */
  used(holder: Holder): void {
    this.#holders.delete(holder)
    this.#holders.set(holder, true)
    for (const oldest of this.#holders.keys()) {
      if (this.#holders.size <= this.#max) return
      this.#holders.delete(oldest)
      // It closes when its own reading allows; a close that fails has still closed.
      oldest.release().catch(() => undefined)
    }
  }

  closed(holder: Holder): void {
    this.#holders.delete(holder)
  }
}
