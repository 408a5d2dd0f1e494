import type { VerdictGroup } from './verdict-group.ts'

const GROUPS_MAX = 1_000

/** Verdicts on their way to the owner, one call after the other; what is said during a call joins the next. */
export class VerdictLane {
  readonly #send: (groups: readonly VerdictGroup[]) => Promise<void>
  #groups: VerdictGroup[] = []
  readonly #byKey = new Map<string, VerdictGroup>()
  #flight: Promise<void> | undefined

  /** @param send Makes one call. Never rejects. */
  constructor(send: (groups: readonly VerdictGroup[]) => Promise<void>) {
    this.#send = send
  }

  /** A group that has not left yet. */
  find(key: string): VerdictGroup | undefined {
    return this.#byKey.get(key)
  }

  add(...groups: VerdictGroup[]): void {
    this.#groups.push(...groups)
    for (const group of groups) if (group.key !== '') this.#byKey.set(group.key, group)
  }

  start(): void {
    if (this.#flight !== undefined) return
    // What the same turn still has to say goes along.
    this.#flight = Promise.resolve().then(() => this.#fly())
  }

  /** Resolves when all that was given has an answer. */
  async idle(): Promise<void> {
    while (this.#flight !== undefined) await this.#flight
  }

  async #fly(): Promise<void> {
    while (this.#groups.length > 0) {
      const groups = this.#groups.splice(0, GROUPS_MAX)
      for (const group of groups) {
        group.sent = true
        this.#byKey.delete(group.key)
      }
      await this.#send(groups)
    }
    this.#flight = undefined
  }
}
