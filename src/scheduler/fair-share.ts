import { findHolder, type LockName } from '../system/lock.ts'
import type { System } from '../system/system.ts'
import type { Answer } from './service.ts'

/** It finishes what is in hand. Later is no harm: then the next look finds the shard free. */
const ANSWER_MS_MAX = 5_000
const ASKED = 1

/** What a scheduler that works on a shard says of itself: the name by which it writes. */
export function workerOf(about: unknown): string | undefined {
  const by = typeof about === 'object' && about !== null ? (about as { by?: unknown }).by : undefined
  return typeof by === 'string' ? by : undefined
}

/**
 * Which shard to ask for: the last one of whoever works on the most, where that is at least two more than we do. So nobody who
 * gave one asks for it back.
 *
 * @param elsewhere Who works on which of the others.
 */
export function shardToAskFor(mine: number, elsewhere: ReadonlyMap<number, string>): number | undefined {
  const shardsOf = new Map<string, number[]>()
  for (const [shard, by] of elsewhere) shardsOf.set(by, [...(shardsOf.get(by) ?? []), shard])
  let most: number[] = []
  for (const shards of shardsOf.values()) if (shards.length > most.length) most = shards
  return most.length >= mine + 2 ? most.at(-1) : undefined
}

/** Asks whoever works on a shard to let go of it. False when it does not, or does not say so. */
export async function askForShard(
  system: System,
  lock: LockName,
  { has, signal }: { has: number; signal: AbortSignal }
): Promise<boolean> {
  const holder = await findHolder(system, lock).catch(() => undefined)
  if (holder === undefined) return false
  const { line } = holder
  const over = new AbortController()
  return await new Promise<boolean>(resolve => {
    // Who lets go ends its lines: then it may be free.
    line.onEnd = () => resolve(true)
    line.onMessage = text => {
      const { n, ok } = JSON.parse(text) as Partial<Answer>
      if (n === ASKED) resolve(ok === true)
    }
    line.send(JSON.stringify({ n: ASKED, op: 'give', has }))
    void system.clock.sleep(ANSWER_MS_MAX, AbortSignal.any([over.signal, signal])).then(() => resolve(false))
  }).finally(() => {
    over.abort()
    line.end()
  })
}
