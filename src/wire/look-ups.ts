import dns from 'node:dns'
import type { Clock } from '../system/clock.ts'

export interface Address {
  address: string
  family: number
}

/** Asks the system. Rejects with its error (`code` ENOTFOUND, EAI_AGAIN, ...). */
export type Resolve = (host: string) => Promise<Address[]>

/** What node:net and node:tls call to find a host. */
export type Lookup = (
  host: string,
  options: { all?: boolean | undefined },
  back: (error: NodeJS.ErrnoException | null, address: string | Address[], family?: number) => void
) => void

/** The system has two threads for this. One is kept for hosts that have not been slow. */
const AT_ONCE_MAX = 2
const SLOW_MS = 1_000

/** How long a look-up may keep a host waiting whose addresses we had before. */
const PATIENCE_MS = 250

interface Known {
  addresses: Address[]
  slow: boolean
}

/**
 * Finds the addresses of peers, anew for each connection, so that one that moved is found again.
 *
 * A look-up holds a thread until the system gives up, often for ten seconds or more, and there are two for it. So that dead
 * peers do not hold up live ones: one look-up a host at a time, hosts that were slow share one thread, and a host whose
 * look-up takes long is tried at its last known addresses meanwhile.
 */
export class LookUps {
  readonly #clock: Clock
  readonly #resolve: Resolve
  readonly #known = new Map<string, Known>()
  readonly #running = new Map<string, Promise<Address[]>>()
  readonly #queue: { host: string; start: () => void }[] = []
  #active = 0
  #slowActive = 0

  constructor(clock: Clock, resolve: Resolve = systemResolve) {
    this.#clock = clock
    this.#resolve = resolve
  }

  /** For the `lookup` option of a connection. */
  readonly lookup: Lookup = (host, options, back) => {
    this.addresses(host).then(
      addresses => {
        const [first] = addresses
        if (first === undefined) back(noAddress(host), '')
        else if (options.all) back(null, addresses)
        else back(null, first.address, first.family)
      },
      (error: NodeJS.ErrnoException) => back(error, '')
    )
  }

  async addresses(host: string): Promise<Address[]> {
    const fresh = this.#fresh(host)
    const known = this.#known.get(host)
    if (known === undefined || known.addresses.length === 0) return fresh
    const stop = new AbortController()
    // Whoever is late may still fail: nobody waits for it then, and what it found serves the next connection.
    const patience = this.#clock.sleep(PATIENCE_MS, stop.signal).then(() => known.addresses)
    try {
      return await Promise.race([fresh.catch((error: unknown) => lastKnown(error, known)), patience])
    } finally {
      stop.abort()
    }
  }

  #fresh(host: string): Promise<Address[]> {
    const running = this.#running.get(host)
    if (running) return running
    const asked = this.#turn(host).finally(() => this.#running.delete(host))
    this.#running.set(host, asked)
    asked.catch(() => undefined)
    return asked
  }

  async #turn(host: string): Promise<Address[]> {
    await new Promise<void>(start => {
      this.#queue.push({ host, start })
      this.#startSome()
    })
    const slowBefore = this.#isSlow(host)
    const began = this.#clock.ticks()
    let addresses: Address[] = this.#known.get(host)?.addresses ?? []
    try {
      addresses = await this.#resolve(host)
      return addresses
    } finally {
      this.#known.set(host, { addresses, slow: this.#clock.ticks() - began > SLOW_MS })
      this.#active--
      if (slowBefore) this.#slowActive--
      this.#startSome()
    }
  }

  #startSome(): void {
    while (this.#active < AT_ONCE_MAX) {
      const at = this.#queue.findIndex(({ host }) => !this.#isSlow(host) || this.#slowActive === 0)
      const [first] = at === -1 ? [] : this.#queue.splice(at, 1)
      if (first === undefined) return
      this.#active++
      if (this.#isSlow(first.host)) this.#slowActive++
      first.start()
    }
  }

  #isSlow(host: string): boolean {
    return this.#known.get(host)?.slow ?? false
  }
}

/** A name that does not exist (any more) has no addresses; a resolver that is out of order does not change where a peer is. */
function lastKnown(error: unknown, known: Known): Address[] {
  if (error instanceof Error && 'code' in error && error.code === 'EAI_AGAIN') return known.addresses
  throw error
}

function noAddress(host: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${host} has no address`), { code: 'ENOTFOUND' })
}

function systemResolve(host: string): Promise<Address[]> {
  return dns.promises.lookup(host, { all: true })
}
