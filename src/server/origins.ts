/**
 * Which peer an origin (spool id) belongs to: the one that first stored something from it. A peer may have several, one after
 * the other; an origin has one peer. Streams remember theirs on disk; this is for streams that are new.
 */
export class Origins {
  readonly #countMax: number
  readonly #peers = new Map<string, string>()

  constructor(countMax: number) {
    this.#countMax = countMax
  }

  mayBe(origin: string, peer: string): boolean {
    const bound = this.#peers.get(origin)
    return bound === undefined || bound === peer
  }

  bind(origin: string, peer: string): void {
    if (this.#peers.has(origin)) return
    this.#peers.set(origin, peer)
    if (this.#peers.size > this.#countMax) this.#peers.delete(this.#peers.keys().next().value!)
  }
}
