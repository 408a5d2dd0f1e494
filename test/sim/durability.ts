import { decodeNote, entryBytes, MARK } from '../../src/journal/entry.ts'
import { listSegments } from '../../src/journal/segment-names.ts'
import { segmentParts } from '../../src/journal/segment-parts.ts'
import { SegmentReader } from '../../src/journal/segment-reader.ts'
import { SimFiles } from '../../src/system/sim/index.ts'
import type { UploadAnswer } from '../../src/wire/upload.ts'
import { type Site, SPOOL } from './site.ts'

/**
 * What of an answer's `next` a power cut at this moment would leave on the server's disk (P3): the first position that
 * would be missing, undefined when none is.
 */
export async function missingAfterPowerCut(site: Site, answer: UploadAnswer): Promise<number | undefined> {
  const disk = new SimFiles()
  disk.restore(site.machine.disk.snapshot())
  disk.crash({ data: 'lose', names: 'lose' })
  const ranges: { from: number; to: number }[] = []
  // Before anything was taken there may be no inbox yet.
  for (const { name } of await disk.list(`${SPOOL}/inbox`).catch(() => []))
    for (const { path } of await listSegments(disk, `${SPOOL}/inbox/${name}`)) {
      const reader = await SegmentReader.open(disk, path)
      if (reader === undefined) continue
      for await (const part of segmentParts(reader)) {
        if (part.kind !== 'frame') continue
        const { source, payload } = part.frame
        if (source?.stream === answer.stream) ranges.push(source)
        if (source === undefined) ranges.push({ from: 0, to: restated(payload, answer.stream) })
      }
    }
  ranges.sort((a, b) => a.from - b.from)
  let next = 0
  for (const { from, to } of ranges) if (from <= next) next = Math.max(next, to)
  return next < answer.next ? next : undefined
}

/** How far marks say that a stream is here, whose older segments may be gone. */
function restated(payload: Buffer, stream: string): number {
  let next = 0
  for (let at = 0; at < payload.length; at += entryBytes(payload, at)) {
    if (payload[at + 8] !== MARK) continue
    const mark = decodeNote(payload, at) as { m?: string; q?: [string, string, string, number, number][] }
    for (const [name, , , , to] of mark.m === 'streams' ? mark.q! : []) if (name === stream) next = Math.max(next, to)
  }
  return next
}
