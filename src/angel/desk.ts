import type { Lock } from '../system/lock.ts'
import type { Line } from '../system/sockets.ts'
import type { System } from '../system/system.ts'
import type { About } from './hold.ts'
import type { KeeperStatus } from './keeper.ts'

/** All that the daemons of a spool tell. A JSON value. */
export interface DaemonStatus extends About {
  ready: boolean
  roles: KeeperStatus[]
}

/** Who answers. Requests, one a line: `{"ask":"status"}`, `{"ask":"stop"}`. Answers: `{"answer":…}`. */
export interface Desk {
  status: () => Promise<DaemonStatus>
  stop: () => void
}

/** Answers at the lock's socket, until the lock is given away. */
export function openDesk(lock: Lock, desk: Desk): void {
  lock.onConnection = line => {
    line.onEnd = () => undefined
    line.onMessage = text => {
      if (text === '{"ask":"stop"}') {
        line.send('{"answer":"stopping"}')
        desk.stop()
      } else if (text === '{"ask":"status"}') {
        desk.status().then(
          status => line.send(JSON.stringify({ answer: status })),
          () => line.end()
        )
      } else {
        line.end()
      }
    }
  }
}

/** One question. Undefined when there is no answer in time, or the line ended. */
export function askDesk(
  line: Line,
  question: 'status' | 'stop',
  wait: { system: Pick<System, 'clock'>; ms: number }
): Promise<unknown> {
  const over = new AbortController()
  return new Promise(resolve => {
    const answered = (answer: unknown) => {
      over.abort()
      resolve(answer)
    }
    line.onEnd = () => answered(undefined)
    line.onMessage = text => answered((JSON.parse(text) as { answer?: unknown }).answer)
    line.send(JSON.stringify({ ask: question }))
    void wait.system.clock.sleep(wait.ms, over.signal).then(() => resolve(undefined))
  })
}
