import type { Stored } from '../message.ts'
import { fitsBytes, fitsText } from './text-match.ts'

/**
 * Which messages are meant: one grammar for the command line, HTTP and the library. Plain data, checked by who takes it from a
 * person. All that is given must hold; of a list, one of it.
 */
export interface Filter {
  ids?: readonly string[]
  channels?: readonly string[]
  /** The node on the other side: whom it is for in the outbox, whom it came from in the inbox. */
  peers?: readonly string[]
  states?: readonly string[]
  /** Here for longer than that. */
  olderThanMs?: number
  newerThanMs?: number
  /** In the id or the body: see `fitsText`. */
  match?: string
  /** All of them, by exact name and value. */
  headers?: Readonly<Record<string, string>>
  /** The first so many of what fits. */
  limit?: number
}

/** What is known of a message without reading it. */
export interface Known {
  channel: string
  peer: string
  state: string
  /** Wall ms since when it is where it is. */
  at: number
}

/** Whether anything is left out by it: a change of everything must be said to be one. */
export function isUnfiltered(filter: Filter): boolean {
  return Object.keys(filter).every(name => name === 'limit')
}

/** A filter at one moment: ages count from `now`, however long the work takes. */
export class Sieve {
  readonly #filter: Filter
  readonly #now: number
  readonly #ids: ReadonlySet<string> | undefined
  readonly #headers: [name: string, value: string][]
  /** `takes` cannot tell alone. */
  readonly reads: boolean

  /** @param now Wall ms. */
  constructor(filter: Filter, now: number) {
    this.#filter = filter
    this.#now = now
    this.#ids = filter.ids === undefined ? undefined : new Set(filter.ids)
    this.#headers = Object.entries(filter.headers ?? {})
    this.reads = this.#ids !== undefined || filter.match !== undefined || this.#headers.length > 0
  }

  /** Whether it may be meant, by what is known without reading it. */
  takes({ channel, peer, state, at }: Known): boolean {
    const { channels, peers, states, olderThanMs, newerThanMs } = this.#filter
    if (channels?.includes(channel) === false || peers?.includes(peer) === false) return false
    if (states?.includes(state) === false) return false
    const age = this.#now - at
    return !(olderThanMs !== undefined && age <= olderThanMs) && !(newerThanMs !== undefined && age >= newerThanMs)
  }

  /** Whether it is meant, by what it holds. */
  holds({ id, headers, body }: Pick<Stored, 'id' | 'headers' | 'body'>): boolean {
    const { match } = this.#filter
    if (this.#ids?.has(id) === false) return false
    if (match !== undefined && !fitsText(id, match) && !fitsBytes(body, match)) return false
    return this.#headers.every(([name, value]) => Object.hasOwn(headers, name) && headers[name] === value)
  }
}
