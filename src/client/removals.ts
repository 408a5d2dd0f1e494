/** Where it is on record which streams are gone. */
export interface GoneStreams {
  goneTo(peer: string): ReadonlySet<string>
  told(streams: readonly string[]): Promise<void>
}

/** So many are told with one upload: 33 characters of a header each. */
const AT_ONCE_MAX = 64

/**
 * Tells one peer which streams this node has removed for good, with uploads that go there anyway, again and again until it has
 * written that down. It may then forget them, days later; nobody is in a hurry.
 */
export class Removals {
  readonly #peer: string
  readonly #gone: GoneStreams
  readonly #onFail: (error: unknown) => void
  #underWay = new Set<string>()

  constructor(options: { peer: string; gone: GoneStreams; onFail: (error: unknown) => void }) {
    this.#peer = options.peer
    this.#gone = options.gone
    this.#onFail = options.onFail
  }

  /** Some that no upload under way tells of. */
  take(): string[] {
    const gone = this.#gone.goneTo(this.#peer)
    const taken: string[] = []
    if (gone.size === this.#underWay.size) return taken
    for (const stream of gone) {
      if (taken.length === AT_ONCE_MAX) break
      if (!this.#underWay.has(stream)) taken.push(stream)
    }
    for (const stream of taken) this.#underWay.add(stream)
    return taken
  }

  /** @param noted Those of them that the peer has on its disk as removed, or does not know; none when the upload failed. */
  answered(taken: readonly string[], noted: readonly string[] = []): void {
    if (taken.length === 0) return
    const those = new Set(noted)
    const told = taken.filter(stream => those.has(stream))
    const after = () => {
      for (const stream of taken) this.#underWay.delete(stream)
    }
    if (told.length === 0) after()
    else void this.#gone.told(told).catch(this.#onFail).then(after)
  }
}
