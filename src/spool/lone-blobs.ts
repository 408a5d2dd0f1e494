import { diskError } from '../errors.ts'
import { PRIORITY } from '../message.ts'
import { listBlobs, parseHeldBlob } from './blob-names.ts'
import { OutboxBlobs } from './outbox-blobs.ts'
import { foldersIn, type Spool } from './spool.ts'

/** Nothing counts as arrived: what is over is only what no message owns. */
const NOTHING_ARRIVED = () => 0

export interface LoneBlobs {
  files: number
  /** On the disk. */
  bytes: number
}

/**
 * Removes large bodies of the outbox, and of what is for later, whose sender ended before it had written their message; in a dry
 * run only counts them. From any process: what a daemon removes meanwhile has arrived.
 *
 * @throws DroprError DISK_*
 */
export async function cleanLoneBlobs(
  spool: Spool,
  { channels, dryRun }: { channels: readonly string[] | undefined; dryRun: boolean }
): Promise<LoneBlobs> {
  const { files } = spool.system
  const blobs = new OutboxBlobs({ spool, next: NOTHING_ARRIVED })
  const found: LoneBlobs = { files: 0, bytes: 0 }
  for (const folder of await sentFolders(spool, channels)) {
    for (const { path } of await blobs.over(folder)) {
      try {
        const there = await files.stat(path)
        if (there === undefined) continue
        found.bytes += there.bytesUsed
        found.files++
        if (!dryRun) await files.remove(path)
      } catch (error) {
        throw diskError(error, `clean ${folder}`)
      }
    }
  }
  return found
}

async function sentFolders(spool: Spool, channels: readonly string[] | undefined): Promise<string[]> {
  const folders: string[] = []
  if (channels === undefined) for (const root of await shardRoots(spool)) folders.push(`${root}/in`)
  for (const peer of await spool.outboxPeers())
    for (const channel of await spool.channelsIn(spool.outboxOf(peer))) {
      if (channels?.includes(channel) === false) continue
      for (let priority = PRIORITY.min; priority <= PRIORITY.max; priority++)
        folders.push(spool.outbox(peer, channel, priority))
    }
  return folders
}

/** Whether what is for later has large bodies: whose they are only who works on the schedule can say. */
export async function hasHeldBlobs(spool: Spool): Promise<boolean> {
  for (const root of await shardRoots(spool))
    if ((await listBlobs(spool.system.files, `${root}/blobs`, parseHeldBlob)).length > 0) return true
  return false
}

async function shardRoots(spool: Spool): Promise<string[]> {
  const root = `${spool.path}/schedule`
  const shards = (await foldersIn(spool.system.files, root)).filter(name => name.startsWith('shard-'))
  return [root, ...shards.map(shard => `${root}/${shard}`)]
}
