import { DroprError } from '../errors.ts'
import type { Spool } from '../spool/spool.ts'
import { findHolder, type Holder } from '../system/lock.ts'
import type { MetricsJson } from '../system/metrics.ts'

/** What the server reads of the client's status. */
export interface ClientSays {
  startedAt: number
  progress: { pending: number; oldestAt?: number; lastAckAt?: number }
}

const ANSWER_MS_MAX = 1_000

/** Asks the client daemon of this spool, over its lock's socket. Undefined when there is none, or it does not answer soon. */
export async function askClient(spool: Spool, op: 'status'): Promise<ClientSays | undefined>
export async function askClient(spool: Spool, op: 'metrics'): Promise<MetricsJson | undefined>
export async function askClient(spool: Spool, op: 'status' | 'metrics'): Promise<unknown> {
  const { clock } = spool.system
  let holder: Holder | undefined
  try {
    holder = await findHolder(spool.system, { folder: spool.run, name: 'client' })
    if (holder?.about === undefined) return undefined
    const { line } = holder
    const over = new AbortController()
    const answer = await new Promise<string>((resolve, reject) => {
      const gone = () => reject(new DroprError('OWNER_UNREACHABLE', 'the client does not answer'))
      line.onEnd = gone
      line.onMessage = resolve
      line.send(JSON.stringify({ op }))
      void clock.sleep(ANSWER_MS_MAX, over.signal).then(gone)
    }).finally(() => over.abort())
    return (JSON.parse(answer) as Record<string, unknown>)[op]
  } catch {
    return undefined
  } finally {
    holder?.line.end()
  }
}
