import type { Spool } from '../spool/spool.ts'
import { Bell } from '../system/bell.ts'
import type { Watcher } from '../system/watch.ts'

/** Hints come in swarms: not more often than that. */
const LOOK_MS_MIN = 10
/** Who waits for messages in more channels finds the others on the timer. */
const WATCHED_MAX = 32

/** When to look again: soon after something changed in a watched folder, at the latest after `scanMs`. One wait serves all. */
export class Looks {
  readonly #spool: Spool
  readonly #watchers = new Map<string, Watcher>()
  #waiting: Promise<void> | undefined
  readonly #bell: Bell
  #hinted = false
  /** Ticks. */
  #lastAt = Number.NEGATIVE_INFINITY
  #closed = false

  constructor(spool: Spool) {
    this.#spool = spool
    this.#bell = new Bell(spool.system.clock)
  }

  /** Hints come from there as well, from now on: who waits once will again. */
  async watch(folders: readonly string[]): Promise<void> {
    for (const folder of folders) {
      if (this.#watchers.has(folder) || this.#watchers.size >= WATCHED_MAX) continue
      // Only what is there can be watched. What the disk refuses here it refuses elsewhere, and louder.
      await this.#spool.folders.ensure(folder).catch(() => undefined)
      if (this.#watchers.has(folder) || this.#closed) continue
      this.#watchers.set(
        folder,
        this.#spool.system.watch.folder(folder, () => this.hint(), { depth: 0 })
      )
    }
  }

  hint(): void {
    this.#hinted = true
    this.#bell.ring()
  }

  /** Resolves when it is time to look, after `msMax`, or when a signal aborts. */
  async next(msMax: number, signals: readonly AbortSignal[]): Promise<void> {
    this.#waiting ??= this.#wait().finally(() => {
      this.#waiting = undefined
    })
    const stop = new AbortController()
    const end = () => stop.abort()
    for (const signal of signals) {
      if (signal.aborted) end()
      signal.addEventListener('abort', end, { once: true })
    }
    try {
      // Longer than a timer can be is as good as for ever: the next look comes much earlier.
      await Promise.race([this.#waiting, this.#spool.system.clock.sleep(Math.min(msMax, 86_400_000), stop.signal)])
    } finally {
      stop.abort()
      for (const signal of signals) signal.removeEventListener('abort', end)
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#bell.close()
    const watchers = [...this.#watchers.values()]
    this.#watchers.clear()
    await Promise.all(watchers.map(watcher => watcher.close()))
  }

  async #wait(): Promise<void> {
    const { clock } = this.#spool.system
    const { scanMs } = this.#spool.limits
    if (!this.#hinted) await this.#bell.wait(scanMs)
    const restMs = this.#lastAt + LOOK_MS_MIN - clock.ticks()
    if (restMs > 0 && !this.#closed) await clock.sleep(restMs)
    this.#lastAt = clock.ticks()
    this.#hinted = false
  }
}
