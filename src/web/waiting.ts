import { DroprError } from '../errors.ts'

/** Counts those who wait: each takes a connection, and some must be left for who brings something. */
export class Waiting {
  readonly #max: number
  #count = 0

  constructor(max: number) {
    this.#max = max
  }

  /** @throws DroprError SERVER_BUSY */
  async during<T>(work: () => Promise<T>): Promise<T> {
    if (this.#count >= this.#max) throw new DroprError('SERVER_BUSY', `${this.#max} others wait already`)
    this.#count++
    try {
      return await work()
    } finally {
      this.#count--
    }
  }
}
