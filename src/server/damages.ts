/** Damaged entries that came, by stream: the latest of each. The same one twice was not damaged on the way. */
export class Damages {
  readonly #countMax: number
  readonly #latest = new Map<string, { at: number; damage: number }>()

  constructor(countMax: number) {
    this.#countMax = countMax
  }

  isKnown(stream: string, at: number, damage: number): boolean {
    const latest = this.#latest.get(stream)
    return latest !== undefined && latest.at === at && latest.damage === damage
  }

  note(stream: string, at: number, damage: number): void {
    this.#latest.delete(stream)
    this.#latest.set(stream, { at, damage })
    if (this.#latest.size > this.#countMax) this.#latest.delete(this.#latest.keys().next().value!)
  }
}
