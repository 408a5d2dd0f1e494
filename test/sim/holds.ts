import { compareFences, type Fence, fenceOf } from './ledger.ts'

interface Hold {
  site: string
  consumer: string
  lease: string
  fence: Fence
  /** Ticks; when the consumer itself takes the lease for over. Never later than the owner does. */
  until: number
  /** Nobody who has a say was killed or stopped since: only then must the owner know what the consumer knows. */
  clean: boolean
}

/** Who holds which message at a moment, as far as the holders know (P5). */
export class Holds {
  readonly #byToken = new Map<number, Hold>()
  readonly #byLease = new Map<string, Set<number>>()

  /** Gives the hold that stands against this one. */
  take(token: number, hold: Omit<Hold, 'clean' | 'fence'>, now: number): Hold | undefined {
    const fence = fenceOf(hold.lease)
    const other = this.#byToken.get(token)
    if (other !== undefined && compareFences(other.fence, fence) > 0) return undefined
    this.drop(token)
    this.#byToken.set(token, { ...hold, fence, clean: true })
    const key = keyOf(hold)
    const tokens = this.#byLease.get(key)
    if (tokens === undefined) this.#byLease.set(key, new Set([token]))
    else tokens.add(token)
    return other?.clean && now < other.until ? other : undefined
  }

  /** Whether this process may still think that it has it. */
  has(consumer: string, token: number, now: number): boolean {
    const hold = this.#byToken.get(token)
    return hold?.consumer === consumer && now < hold.until
  }

  drop(token: number): void {
    const hold = this.#byToken.get(token)
    if (hold === undefined) return
    this.#byToken.delete(token)
    const key = keyOf(hold)
    const tokens = this.#byLease.get(key)
    tokens?.delete(token)
    if (tokens?.size === 0) this.#byLease.delete(key)
  }

  /** A verdict on these was told under this lease: from now on they may be anybody's. */
  leave(site: string, lease: string, token: number): void {
    if (this.#byToken.get(token)?.lease === lease && this.#byToken.get(token)?.site === site) this.drop(token)
  }

  lost(site: string, lease: string): void {
    for (const token of this.#byLease.get(keyOf({ site, lease })) ?? []) this.drop(token)
  }

  extended(site: string, lease: string, until: number): void {
    for (const token of this.#byLease.get(keyOf({ site, lease })) ?? []) this.#byToken.get(token)!.until = until
  }

  /** A process ended. */
  died(consumer: string): void {
    for (const [token, hold] of this.#byToken) if (hold.consumer === consumer) this.drop(token)
  }

  disturbed(site: string): void {
    for (const hold of this.#byToken.values()) if (hold.site === site) hold.clean = false
  }
}

function keyOf({ site, lease }: { site: string; lease: string }): string {
  return `${site} ${lease}`
}
