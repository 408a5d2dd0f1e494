import type { Sent } from './ledger.ts'

/** What operators were told that nobody gets: since when, in ticks. */
export class Steered {
  readonly #paused = new Map<string, number>()
  readonly #held = new Map<Sent, number>()

  paused(site: string, channel: string, at: number): void {
    this.#paused.set(`${site} ${channel}`, at)
  }

  resuming(site: string, channel: string): void {
    this.#paused.delete(`${site} ${channel}`)
  }

  held(sent: Sent, at: number): void {
    this.#held.set(sent, at)
  }

  unholding(sent: Sent): void {
    this.#held.delete(sent)
  }

  /** @param granted It was given out then, or later. */
  wrongWith(sent: Sent, granted: number): string | undefined {
    const { to, channel, token } = sent
    if (granted > (this.#paused.get(`${to} ${channel}`) ?? granted))
      return `#${token} came from ${channel}, which is paused`
    if (granted > (this.#held.get(sent) ?? granted)) return `#${token} came, which is held`
    return undefined
  }
}
