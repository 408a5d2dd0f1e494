import type { MetricsJson } from '../system/metrics.ts'
import type { Line } from '../system/sockets.ts'
import type { ClientStatus } from './client-status.ts'
import { type Hint, parseAsk } from './hints.ts'

/** What a client is asked and told over its lock's socket. */
export interface ClientDesk {
  /** @returns Those that are tried now. */
  kick(peer: string | undefined): string[]
  /** @returns How long nothing goes to that peer, ms. */
  poke(hint: Hint): number
  status(): ClientStatus
  metrics(): Promise<MetricsJson>
  /** Looks who is paused. @returns Them. */
  paused(): Promise<string[]>
}

/** Who hints at a peer that rests is asked to be quiet about it, for so long at most: a hint costs who gives it, and who takes it. */
const QUIET_MS_MAX = 1_000

/** Serves one line to the client. */
export function serveLine(line: Line, desk: ClientDesk): void {
  line.onEnd = () => undefined
  line.onMessage = text => {
    const ask = parseAsk(text)
    switch (ask?.op) {
      case 'kick':
        line.send(JSON.stringify({ kick: desk.kick(ask.peer) }))
        break
      case 'poke': {
        const ms = Math.min(desk.poke(ask.hint), QUIET_MS_MAX)
        if (ms > 0) line.send(JSON.stringify({ quiet: { peer: ask.hint.peer, ms } }))
        break
      }
      case 'status':
        line.send(JSON.stringify({ status: desk.status() }))
        break
      case 'metrics':
      case 'paused':
        desk[ask.op]().then(
          answer => line.send(JSON.stringify({ [ask.op]: answer })),
          () => line.end()
        )
        break
    }
  }
}
