import type { MetricsJson } from '../system/metrics.ts'
import type { Line } from '../system/sockets.ts'
import type { ClientStatus } from './client-status.ts'
import { type Hint, parseAsk } from './hints.ts'

/** What a client is asked and told over its lock's socket. */
export interface ClientDesk {
  kick(peer: string | undefined): void
  poke(hint: Hint): void
  status(): ClientStatus
  metrics(): Promise<MetricsJson>
}

/** Serves one line to the client. */
export function serveLine(line: Line, desk: ClientDesk): void {
  line.onEnd = () => undefined
  line.onMessage = text => {
    const ask = parseAsk(text)
    switch (ask?.op) {
      case 'kick':
        desk.kick(ask.peer)
        break
      case 'poke':
        desk.poke(ask.hint)
        break
      case 'status':
        line.send(JSON.stringify({ status: desk.status() }))
        break
      case 'metrics':
        desk.metrics().then(
          metrics => line.send(JSON.stringify({ metrics })),
          () => line.end()
        )
        break
    }
  }
}
