import { orAborted } from './silence.ts'

/** What waits when an owner begins is on its way in: until some of each has come, nobody is told that there is nothing. */
export class FirstLook {
  #coming: Promise<void> | undefined

  /** @param first Settles when what waited at the start has begun to come in. */
  begins(first: Promise<void>): void {
    const coming = first.finally(() => {
      if (this.#coming === coming) this.#coming = undefined
    })
    this.#coming = coming
  }

  get isOver(): boolean {
    return this.#coming === undefined
  }

  /** Resolves when it is over. Rejects with ABORTED when `signal` aborts. */
  async over(signal: AbortSignal | undefined): Promise<void> {
    if (this.#coming === undefined) return
    await (signal === undefined ? this.#coming : orAborted(this.#coming, signal))
  }
}
