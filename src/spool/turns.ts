/** Work on one thing that must not overlap: one after the other, whatever becomes of each. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve()

  run<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(act)
    // What came of it is not kept.
    this.#last = turn.then(nothing, nothing)
    return turn
  }

  /** Resolves when all that was begun so far is over. */
  async idle(): Promise<void> {
    await this.#last
  }
}

const nothing = () => undefined
