import { hasBlob } from '../journal/blob-of.ts'
import { entryBytes, MESSAGE } from '../journal/entry.ts'
import { SegmentReader } from '../journal/segment-reader.ts'
import { wholeFrames } from '../journal/whole-frames.ts'
import { listBlobs, parsePlacedBlob } from './blob-names.ts'
import type { Spool } from './spool.ts'

/** Files of large bodies, and their bytes on the disk. */
export interface DeadShare {
  paths: string[]
  bytes: number
}

const NONE: DeadShare = { paths: [], bytes: 0 }

/** What sealed segments of letters hold never changes: each is read once. */
const READ = new WeakMap<Spool, Map<string, readonly string[]>>()

/**
 * The large bodies of a channel's dead letters, by the segment that their letter is in.
 *
 * @param segments Of letters, the oldest first. `sealed`: nothing more is written there.
 */
export async function deadShares(
  spool: Spool,
  channel: string,
  segments: readonly { path: string; sealed: boolean }[]
): Promise<(path: string) => DeadShare> {
  const { files } = spool.system
  const blobs = new Map<string, DeadShare>()
  for (const { path, stream, position } of await listBlobs(files, spool.dead(channel), parsePlacedBlob)) {
    const known = blobs.get(`${stream} ${position}`) ?? NONE
    const bytes = (await files.stat(path))?.bytesUsed ?? 0
    blobs.set(`${stream} ${position}`, { paths: [...known.paths, path], bytes: known.bytes + bytes })
  }
  if (blobs.size === 0) return () => NONE
  // A letter that was buried twice has its body in common: it goes with the later one.
  const owners = new Map<string, string>()
  for (const { path, sealed } of segments)
    for (const name of await lettersIn(spool, path, sealed)) if (blobs.has(name)) owners.set(name, path)
  const shares = new Map<string, DeadShare>()
  for (const [name, owner] of owners) {
    const { paths, bytes } = blobs.get(name)!
    const known = shares.get(owner) ?? NONE
    shares.set(owner, { paths: [...known.paths, ...paths], bytes: known.bytes + bytes })
  }
  return path => shares.get(path) ?? NONE
}

/** Stream and position of the letters with a large body. */
async function lettersIn(spool: Spool, path: string, sealed: boolean): Promise<readonly string[]> {
  const read = READ.get(spool) ?? new Map<string, readonly string[]>()
  READ.set(spool, read)
  const known = read.get(path)
  if (known !== undefined) return known
  const names: string[] = []
  const reader = await SegmentReader.open(spool.system.files, path)
  if (reader === undefined) return names
  try {
    for await (const { payload, source } of wholeFrames(reader)) {
      if (source === undefined) continue
      for (let at = 0, p = source.from; at < payload.length; at += entryBytes(payload, at), p++)
        if (payload[at + 8] === MESSAGE && hasBlob(payload, at)) names.push(`${source.stream} ${p}`)
    }
  } finally {
    await reader.close()
  }
  if (sealed) read.set(path, names)
  return names
}

/** A segment is gone. */
export function forgetShare(spool: Spool, path: string): void {
  READ.get(spool)?.delete(path)
}
