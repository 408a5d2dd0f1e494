import type { Clock } from '../system/clock.ts'

/** A folder of a peer's outbox, and the file in it that has grown, when that is known. */
export interface Where {
  channel: string
  priority: number
  path?: string | undefined
  /** Bytes of the file that are written. */
  end?: number | undefined
}

/** A folder that is looked into just in case is not looked into more often. */
const SOON_MS = 500

/**
 * Looks into an outbox one time after the other. What is asked for while a look runs goes into the next one, all in one.
 */
export class Lookout {
  readonly #clock: Clock
  readonly #look: (where: Where | undefined) => Promise<void>
  readonly #stop = new AbortController()
  #wanted: Map<string, Where> | 'all' | undefined
  #looking: Promise<void> | undefined
  /** Folders looked into a moment ago, and whether to do it again. */
  readonly #soon = new Map<string, { again: boolean }>()

  /** @param look Looks into one folder, or everywhere. Never rejects. */
  constructor(clock: Clock, look: (where: Where | undefined) => Promise<void>) {
    this.#clock = clock
    this.#look = look
  }

  /** Resolves when all looks asked for are over, also those that others asked for meanwhile. */
  look(where?: Where): Promise<void> {
    if (where === undefined) this.#wanted = 'all'
    else if (this.#wanted !== 'all') {
      this.#wanted ??= new Map()
      this.#wanted.set(where.path ?? folderKey(where), where)
    }
    this.#looking ??= this.#run()
    return this.#looking
  }

  /** Looks into a folder, at once or a moment later if that was just done. */
  soon(where: Where): void {
    const key = folderKey(where)
    const pause = this.#soon.get(key)
    if (pause !== undefined) pause.again = true
    else void this.#lookAndPause(key, where)
  }

  /** Looks no more. */
  async close(): Promise<void> {
    this.#stop.abort()
    this.#wanted = undefined
    await this.#looking
  }

  async #lookAndPause(key: string, where: Where): Promise<void> {
    const pause = { again: true }
    this.#soon.set(key, pause)
    while (pause.again && !this.#stop.signal.aborted) {
      pause.again = false
      await this.look(where)
      await this.#clock.sleep(SOON_MS, this.#stop.signal)
    }
    this.#soon.delete(key)
  }

  async #run(): Promise<void> {
    while (this.#wanted !== undefined) {
      const wanted = this.#wanted
      this.#wanted = undefined
      if (wanted === 'all') await this.#look(undefined)
      else for (const where of wanted.values()) await this.#look(where)
    }
    this.#looking = undefined
  }
}

/** One name for a folder. */
export function folderKey({ channel, priority }: { channel: string; priority: number }): string {
  return `${priority} ${channel}`
}
