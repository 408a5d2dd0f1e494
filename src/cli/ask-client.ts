import { DroprError } from '../errors.ts'
import { findHolder, type Holder } from '../system/lock.ts'
import type { System } from '../system/system.ts'

const ANSWER_MS_MAX = 3_000

/**
 * Asks whoever sends for this spool, a daemon or an application, over its lock's socket.
 *
 * @param ask What src/client/hints.ts lists; the answer is the value under the same name.
 * @returns Undefined when nobody sends.
 * @throws DroprError OWNER_UNREACHABLE when it is there and does not answer.
 */
export async function askClient(
  system: System,
  run: string,
  ask: { op: 'status' | 'kick' | 'paused'; peer?: string }
): Promise<unknown> {
  const holder: Holder | undefined = await findHolder(system, { folder: run, name: 'client' })
  if (holder === undefined) return undefined
  const silent = () => new DroprError('OWNER_UNREACHABLE', `the client that sends from ${run} does not answer`)
  if (holder.about === undefined) throw silent()
  const over = new AbortController()
  try {
    const { line } = holder
    const answer = await new Promise<string>((resolve, reject) => {
      const gone = () => reject(silent())
      line.onEnd = gone
      line.onMessage = resolve
      line.send(JSON.stringify(ask))
      void system.clock.sleep(ANSWER_MS_MAX, over.signal).then(gone)
    })
    return (JSON.parse(answer) as Record<string, unknown>)[ask.op]
  } finally {
    over.abort()
    holder.line.end()
  }
}
