const GENERATION_MAX = 5_000

interface Said<T> {
  b: number
  what: T
}

/** The last few thousand things said of ids, by their hash: bounded, the older half goes at once. */
export class Recent<T> {
  #young = new Map<number, Said<T>>()
  #old = new Map<number, Said<T>>()

  set(a: number, b: number, what: T): void {
    this.#young.set(a, { b, what })
    if (this.#young.size < GENERATION_MAX) return
    this.#old = this.#young
    this.#young = new Map()
  }

  get(hashes: readonly (readonly [number, number])[]): T | undefined {
    for (const [a, b] of hashes) {
      const said = this.#young.get(a) ?? this.#old.get(a)
      if (said?.b === b) return said.what
    }
    return undefined
  }
}
