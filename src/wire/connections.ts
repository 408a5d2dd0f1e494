import type { Socket } from 'node:net'
import type { Limits } from '../limits.ts'
import { StalledError } from './failures.ts'
import type { Lookup } from './look-ups.ts'
import { buildConnector, Pool } from './undici.ts'

const ANSWER_BYTES_MAX = 1_048_576
const KEEP_ALIVE_MS_MAX = 60_000

/**
 * Kept-alive connections to one peer.
 *
 * A socket on which nothing moves, in either direction, for `stallMsMax` is cut: the system tells how much of what waits to
 * be sent has left, so a large body on a slow line is judged by its progress. (Not below `answerMsMax`, which a peer may take
 * to answer while nothing moves.) For the wait after the body see Patience.
 */
export class Connections {
  readonly origin: string
  readonly pool: Pool
  /** Errors of sockets that had served before: the peer may have closed them just as we sent. */
  readonly #stale = new WeakSet<Error>()

  constructor(origin: string, limits: Limits, lookup: Lookup) {
    this.origin = origin
    // The type of undici wants a host and a port here, which it fills in itself.
    const options = { timeout: limits.connectMsMax, lookup, allowH2: false } as unknown as Parameters<
      typeof buildConnector
    >[0]
    const connect = buildConnector(options)
    this.pool = new Pool(origin, {
      connections: limits.connectionsPerPeerMax,
      pipelining: 1,
      maxResponseSize: ANSWER_BYTES_MAX,
      keepAliveMaxTimeout: KEEP_ALIVE_MS_MAX,
      connect: (to, back) =>
        connect(to, (...result) => {
          if (result[1]) this.#watch(result[1], Math.max(limits.stallMsMax, limits.answerMsMax))
          back(...result)
        })
    })
  }

  /** Whether the connection was closed after it had served (or had begun to answer, which is rare and harmless here). */
  isStale(error: unknown): boolean {
    if (!(error instanceof Error)) return false
    const { message, socket } = error as { message: string; socket?: { bytesRead?: number } | null }
    return this.#stale.has(error) || (message === 'other side closed' && (socket?.bytesRead ?? 0) > 0)
  }

  #watch(socket: Socket, quietMsMax: number): void {
    socket.setTimeout(quietMsMax, () => {
      socket.destroy(new StalledError(`nothing moved for ${quietMsMax} ms`))
    })
    socket.on('error', error => {
      if (socket.bytesRead > 0 && !(error instanceof StalledError)) this.#stale.add(error)
    })
  }
}
