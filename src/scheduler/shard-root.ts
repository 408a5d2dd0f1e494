import { SHARDS_MAX } from '../spool/schedule-config.ts'
import { foldersIn, type Spool } from '../spool/spool.ts'

export { SHARDS_MAX } from '../spool/schedule-config.ts'

/** Where a shard keeps everything: the first in schedule/ itself. */
export function shardRoot(spool: string, shard: number): string {
  return shard === 0 ? `${spool}/schedule` : `${spool}/schedule/shard-${shard}`
}

/** Where large bodies are put with which a held message is to go instead, of whatever shard it is. */
export function changedFolder(spool: string): string {
  return `${shardRoot(spool, 0)}/in`
}

/** The lock of whoever works on a shard. */
export function shardLock(spool: Spool, shard: number): { folder: string; name: string } {
  return { folder: spool.run, name: `scheduler-${shard}` }
}

/** The shards that are configured, and those that an earlier configuration left something in. */
export async function shardsThere(spool: Spool, configured: number): Promise<number[]> {
  const shards = new Set(Array.from({ length: configured }, (_, shard) => shard))
  for (const name of await foldersIn(spool.system.files, `${spool.path}/schedule`)) {
    const [, digits] = /^shard-([1-9][0-9]?)$/.exec(name) ?? []
    if (digits !== undefined && Number(digits) < SHARDS_MAX) shards.add(Number(digits))
  }
  return [...shards].sort((a, b) => a - b)
}
