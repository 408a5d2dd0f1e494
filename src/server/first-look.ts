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

  /** Resolves when it is over, or `signal` aborts. */
  async over(signal: AbortSignal | undefined): Promise<void> {
    let stop: () => void = () => undefined
    const aborted = new Promise<void>(resolve => {
      stop = resolve
    })
    signal?.addEventListener('abort', stop)
    await Promise.race([this.#coming, aborted])
    signal?.removeEventListener('abort', stop)
  }
}
