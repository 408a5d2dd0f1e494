/**
 * Damaged entries that came, by stream: the latest of each. The same one in two tries was not damaged on the way; in one
 * request that arrived twice it may have been.
 */
export class Damages {
  readonly #countMax: number
  readonly #latest = new Map<string, { at: number; damage: number; nonce: string }>()

  constructor(countMax: number) {
    this.#countMax = countMax
  }

  isKnown(stream: string, at: number, damage: number, nonce: string): boolean {
    const latest = this.#latest.get(stream)
    return latest !== undefined && latest.at === at && latest.damage === damage && latest.nonce !== nonce
  }

  note(stream: string, at: number, damage: number, nonce: string): void {
    this.#latest.delete(stream)
    this.#latest.set(stream, { at, damage, nonce })
    if (this.#latest.size > this.#countMax) this.#latest.delete(this.#latest.keys().next().value!)
  }
}
