import type { PullHint } from './pull-hint.ts'

/** Hints about single folders that wait; beyond that all are looked at. */
const FOLDERS_MAX = 16

/** Where there may be something, since the last look; at the start anywhere. */
export class PullHints {
  readonly #folders = new Map<string, PullHint>()
  #all = true

  /** @param hint Undefined: anywhere. */
  add(hint?: PullHint): void {
    if (hint === undefined || this.#folders.size >= FOLDERS_MAX) this.#all = true
    else {
      const { channel, priority, path } = hint
      const key = `${priority} ${channel}`
      const before = this.#folders.get(key)
      // Of two files, or of none by name: the folder is looked into.
      this.#folders.set(key, before === undefined || before.path === path ? hint : { channel, priority })
    }
  }

  get any(): boolean {
    return this.#all || this.#folders.size > 0
  }

  /** What to look at now; undefined stands for everything. They are forgotten with this. */
  take(): (PullHint | undefined)[] {
    const taken = this.#all ? [undefined] : [...this.#folders.values()]
    this.#all = false
    this.#folders.clear()
    return taken
  }
}
