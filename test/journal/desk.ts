import { decodeMessage, entryBytes } from '../../src/journal/entry.ts'
import { Folders } from '../../src/journal/folders.ts'
import { Ids } from '../../src/journal/ids.ts'
import { JournalWriter } from '../../src/journal/journal-writer.ts'
import { listSegments } from '../../src/journal/segment-names.ts'
import { type SegmentPart, segmentParts } from '../../src/journal/segment-parts.ts'
import { SegmentReader } from '../../src/journal/segment-reader.ts'
import { DEFAULT_LIMITS, type Limits } from '../../src/limits.ts'
import type { Files } from '../../src/system/files.ts'
import { silentLog } from '../../src/system/log.ts'
import { SimClock, SimFiles, SimRandom } from '../../src/system/sim/index.ts'
import type { System } from '../../src/system/system.ts'

export const SPOOL = 'ab'.repeat(16)
export const FOLDER = '/s/outbox/tokyo/common/4'

/** A journal on a simulated disk whose calls end at the next microtask. */
export async function desk(
  options: {
    seed?: number | string
    limits?: Partial<Limits>
    writer?: string
    system?: System
    segmentFramesMax?: number
    endsWithSeal?: boolean
    overlap?: boolean
    onCommit?: (at: { path: string; n: number; end: number }) => void
    onFail?: () => void
  } = {}
) {
  const random = new SimRandom(options.seed ?? 1)
  const clock = new SimClock()
  const disk = new SimFiles({ random: random.fork('disk') })
  if (options.system === undefined) {
    await disk.makeFolder('/s')
    await disk.syncFolder('/')
  }
  const system = options.system ?? ({ clock, random, files: disk, log: silentLog } as unknown as System)
  const open = (writer: string) =>
    new JournalWriter({
      system,
      folders: new Folders(system.files, '/s'),
      folder: FOLDER,
      writer,
      spool: SPOOL,
      limits: { ...DEFAULT_LIMITS, ...options.limits },
      ids: new Ids(system.clock, system.random),
      ...(options.overlap !== undefined && { overlap: options.overlap }),
      ...(options.onCommit !== undefined && { onCommit: options.onCommit }),
      ...(options.onFail !== undefined && { onFail: options.onFail }),
      ...(options.endsWithSeal !== undefined && { endsWithSeal: options.endsWithSeal }),
      ...(options.segmentFramesMax !== undefined && { segmentFramesMax: options.segmentFramesMax })
    })
  return { random, clock, disk, system, open, journal: open(options.writer ?? 'w1') }
}

export const text = (body: string, id?: string) => ({ kind: 'text' as const, body, sentAt: 1_700_000_000_000, id })

/** All parts of all segments, in order. */
export async function parts(files: Files): Promise<SegmentPart[]> {
  const all: SegmentPart[] = []
  for (const { path } of await listSegments(files, FOLDER)) {
    const reader = await SegmentReader.open(files, path)
    if (reader === undefined) continue
    for await (const part of segmentParts(reader)) all.push(part)
    await reader.close()
  }
  return all
}

/** The bodies of all messages in whole frames, in order. */
export async function bodies(files: Files): Promise<string[]> {
  const found: string[] = []
  for (const part of await parts(files)) {
    if (part.kind !== 'frame') continue
    for (let at = 0; at < part.frame.payload.length; at += entryBytes(part.frame.payload, at)) {
      found.push(decodeMessage(part.frame.payload, at).body.toString())
    }
  }
  return found
}
