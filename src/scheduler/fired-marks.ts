import type { Spool } from '../spool/spool.ts'
import { Bell } from '../system/bell.ts'
import { runsOf } from './bits.ts'
import type { Held } from './held.ts'
import type { Marks } from './marks.ts'
import type { HeldRow } from './merge.ts'

/** What went within so long is marked together. */
const TOGETHER_MS = 20

/**
 * Says what was handed over, a moment later: few syncs for many batches, since each would hold up those that go meanwhile. What was
 * not said when a scheduler dies is handed over again under the same id, and the destination drops it.
 */
export class FiredMarks {
  readonly #spool: Spool
  readonly #marks: Marks
  #unsaid = new Map<Held, number[]>()
  #saying: Promise<void> | undefined
  readonly #bell: Bell
  /** Somebody waits for what is unsaid. */
  #hurried = false

  constructor({ spool, marks }: { spool: Spool; marks: Marks }) {
    this.#spool = spool
    this.#bell = new Bell(spool.system.clock)
    this.#marks = marks
  }

  add(rows: readonly HeldRow[]): void {
    for (const { held, position } of rows) {
      held.fired.add(position)
      const list = this.#unsaid.get(held)
      if (list === undefined) this.#unsaid.set(held, [position])
      else list.push(position)
    }
    this.#saying ??= this.#say()
  }

  /** Resolves when all is said, at once, and synced; or has failed, and is said again later. */
  async said(): Promise<void> {
    this.#hurried = true
    this.#bell.ring()
    await this.#saying
  }

  async #say(): Promise<void> {
    this.#hurried = false
    const { log } = this.#spool.system
    while (this.#unsaid.size > 0) {
      if (!this.#hurried) await this.#bell.wait(TOGETHER_MS)
      const f = Object.fromEntries([...this.#unsaid].map(([{ stream }, list]) => [stream, runsOf(list)]))
      this.#unsaid = new Map()
      await this.#marks.append({ f }).catch((error: unknown) => {
        log.warn({ error: String(error) }, 'marks of handed over messages failed: they are said again')
      })
    }
    this.#saying = undefined
  }
}
