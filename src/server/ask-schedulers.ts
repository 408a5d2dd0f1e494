import { DroprError } from '../errors.ts'
import { findHolder, type Holder } from '../system/lock.ts'
import type { MetricsJson } from '../system/metrics.ts'
import type { System } from '../system/system.ts'

/** Whose schedulers. */
export interface Asked {
  system: System
  /** The spool's folder of sockets. */
  run: string
}

/** What the server reads of a shard's status. Times are wall ms. */
export interface SchedulerSays {
  shard: number
  startedAt: number
  held: number
  nextDueAt?: number
  firedAt?: number
  failing?: { since: number; code: string }
}

const ANSWER_MS_MAX = 1_000
const LOCK = /^scheduler-(\d{1,2})-\d+\.sock$/

/** Asks whoever works on the shards of this spool, over their locks' sockets. Who does not answer soon is left out. */
export async function askSchedulers(spool: Asked, op: 'status'): Promise<SchedulerSays[]>
export async function askSchedulers(spool: Asked, op: 'metrics'): Promise<MetricsJson[]>
export async function askSchedulers(spool: Asked, op: 'status' | 'metrics'): Promise<unknown[]> {
  const entries = await spool.system.files.list(spool.run).catch(() => [])
  const shards = new Set(entries.flatMap(({ name }) => LOCK.exec(name)?.[1] ?? []))
  const answers = await Promise.all(
    [...shards].sort().map(async shard => ({ shard: Number(shard), said: await ask(spool, shard, op) }))
  )
  return answers.flatMap(({ shard, said }) => {
    if (said === undefined) return []
    return [op === 'status' ? { ...(said as object), shard } : said]
  })
}

async function ask(spool: Asked, shard: string, op: string): Promise<unknown> {
  const { clock } = spool.system
  let holder: Holder | undefined
  const over = new AbortController()
  try {
    holder = await findHolder(spool.system, { folder: spool.run, name: `scheduler-${shard}` })
    if (holder?.about === undefined) return undefined
    const { line } = holder
    return await new Promise((resolve, reject) => {
      const gone = () => reject(new DroprError('SCHEDULER_UNREACHABLE', `shard ${shard} does not answer`))
      line.onEnd = gone
      line.onMessage = text => resolve((JSON.parse(text) as { ok?: unknown }).ok)
      line.send(JSON.stringify({ n: 1, op }))
      void clock.sleep(ANSWER_MS_MAX, over.signal).then(gone)
    })
  } catch {
    return undefined
  } finally {
    over.abort()
    holder?.line.end()
  }
}
