import { diskError, systemCode } from '../errors.ts'
import { listSegments, type SegmentName } from '../journal/segment-names.ts'
import { segmentParts } from '../journal/segment-parts.ts'
import { SegmentReader } from '../journal/segment-reader.ts'
import { deadShares, forgetShare } from './dead-shares.ts'
import { readSeal } from './segment-seal.ts'
import type { Spool } from './spool.ts'
import { isWriterAlive } from './writer-life.ts'

/** Segments of marks, which say what became of letters: `m<epoch>`, where those of letters are an owner's `e<epoch>` or a client's. */
const MARKS = /^m[0-9]{1,15}$/
const OWNERS = /^[em]([0-9]{1,15})$/

interface Found {
  path: string
  marks: boolean
  /** Wall ms. */
  madeAt: number
  /** Wall ms of its newest frame, its seal included; undefined while somebody may write to it. */
  newestAt: number | undefined
  /** With the large bodies of its letters. */
  bytes: number
  blobs: readonly string[]
}

export interface DeadRoomOptions {
  spool: Spool
  channel: string
  /** Of the inbox's owner, who alone may do this. */
  epoch: number
}

/**
 * Removes the dead letters of a channel that are past their retention: segments whose newest letter is older than
 * `deadRetentionMs`, and the oldest until the others fit into `deadRetentionBytes`. What is still written to stays, and marks
 * stay until every letter left is younger than they are.
 *
 * @returns How many segments went.
 * @throws DroprError DISK_*
 */
export async function cleanDead(options: DeadRoomOptions): Promise<number> {
  return (await removeSegments(options, await deadPastRetention(options))).files
}

/**
 * Removes what is left of the dead letters of a channel in which none is dead any more: segments that nobody writes to.
 *
 * @returns How many went, and how many stay because somebody may write to them.
 * @throws DroprError DISK_*
 */
export async function removeDeadRoom(
  options: DeadRoomOptions
): Promise<{ files: number; bytes: number; left: number }> {
  const found = await segmentsOf(options)
  const left = found.filter(({ newestAt }) => newestAt === undefined)
  // Marks speak of letters before them: they stay as long as one of those does.
  const letters = left.some(({ marks }) => !marks)
  const going = found.filter(({ newestAt, marks }) => newestAt !== undefined && !(marks && letters))
  going.sort((a, b) => Number(a.marks) - Number(b.marks))
  const went = await removeSegments(options, going)
  if (found.length === going.length) await removeDeadFolder(options)
  return { ...went, left: found.length - going.length }
}

/**
 * Removes the folder of a channel's dead letters, if nothing is in it. Who buries a letter there meanwhile makes it again.
 *
 * @throws DroprError DISK_*
 */
export async function removeDeadFolder({ spool, channel }: Pick<DeadRoomOptions, 'spool' | 'channel'>): Promise<void> {
  const folder = spool.dead(channel)
  try {
    await spool.system.files.removeFolder(folder)
    spool.folders.forget(folder)
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(systemCode(error) ?? '')) throw diskError(error, `remove ${folder}`)
  }
}

async function removeSegments(
  { spool, channel }: DeadRoomOptions,
  going: readonly { path: string; bytes: number; blobs: readonly string[] }[]
): Promise<{ files: number; bytes: number }> {
  const { files } = spool.system
  const folder = spool.dead(channel)
  try {
    // Marks last: a crash in between leaves none of their letters without them.
    for (const { path, blobs } of going) {
      await files.remove(path)
      await files.syncFolder(folder)
      forgetShare(spool, path)
      for (const blob of blobs) await files.remove(blob)
    }
    return { files: going.length, bytes: going.reduce((sum, { bytes }) => sum + bytes, 0) }
  } catch (error) {
    throw diskError(error, `clean ${folder}`)
  }
}

/** The segments that would go, in the order in which they may. */
export async function deadPastRetention(options: DeadRoomOptions): Promise<Found[]> {
  const { spool } = options
  const found = await segmentsOf(options)
  const letters = found.filter(({ marks }) => !marks).sort((a, b) => age(a) - age(b))
  const going = new Set(tooMuch(letters, spool.system.clock.now(), spool.limits))
  const left = letters.filter(segment => !going.has(segment))
  const oldest = Math.min(...left.map(({ madeAt }) => madeAt))
  for (const segment of found)
    if (segment.marks && segment.newestAt !== undefined && segment.newestAt < oldest && going.size > 0)
      going.add(segment)
  return [...going]
}

async function segmentsOf(options: DeadRoomOptions): Promise<Found[]> {
  const { spool, channel } = options
  const folder = spool.dead(channel)
  try {
    const found: Found[] = []
    for (const name of await listSegments(spool.system.files, folder)) found.push(...(await look(name, options)))
    const letters = found.filter(({ marks }) => !marks)
    const shareOf = await deadShares(
      spool,
      channel,
      letters.map(({ path, newestAt }) => ({ path, sealed: newestAt !== undefined }))
    )
    return found.map(segment => {
      const { bytes, paths } = shareOf(segment.path)
      return { ...segment, bytes: segment.bytes + bytes, blobs: paths }
    })
  } catch (error) {
    throw diskError(error, `clean ${folder}`)
  }
}

/** The oldest first. A segment from the future (the clock was set back) stays. */
function tooMuch(
  letters: readonly Found[],
  now: number,
  limits: { deadRetentionMs: number; deadRetentionBytes: number }
): Found[] {
  let kept = letters.reduce((sum, { bytes }) => sum + bytes, 0)
  return letters.filter(({ newestAt, bytes }) => {
    if (newestAt === undefined) return false
    if (now - newestAt <= limits.deadRetentionMs && kept <= limits.deadRetentionBytes) return false
    kept -= bytes
    return true
  })
}

function age({ newestAt, madeAt }: Found): number {
  return newestAt ?? madeAt
}

/** Nothing for a file without a head: nobody was ever told of what is in it. */
async function look(
  { path, writer }: SegmentName,
  { spool, epoch }: { spool: Spool; epoch: number }
): Promise<Found[]> {
  const { files } = spool.system
  const reader = await SegmentReader.open(files, path)
  if (reader === undefined) return []
  try {
    const bytes = (await files.stat(path))?.bytesUsed ?? 0
    const { createdAt: madeAt } = reader.head
    return [
      {
        path,
        marks: MARKS.test(writer),
        madeAt,
        bytes,
        blobs: [],
        newestAt: await newestIn(reader, writer, { spool, epoch })
      }
    ]
  } finally {
    await reader.close()
  }
}

async function newestIn(
  reader: SegmentReader,
  writer: string,
  { spool, epoch }: { spool: Spool; epoch: number }
): Promise<number | undefined> {
  const seal = await readSeal(reader)
  if (seal !== undefined) return seal.at
  const owner = OWNERS.exec(writer)
  if (owner === null ? await isWriterAlive(spool, writer) : Number(owner[1]) >= epoch) return undefined
  let newest = reader.head.createdAt
  for await (const part of segmentParts(reader)) if (part.kind === 'frame') newest = Math.max(newest, part.frame.at)
  return newest
}
