import { DroprError } from '../errors.ts'
import { SEGMENT_HEAD_BYTES } from '../journal/segment-head.ts'
import { segmentParts } from '../journal/segment-parts.ts'
import { SegmentReader } from '../journal/segment-reader.ts'
import type { Files } from '../system/files.ts'
import type { System } from '../system/system.ts'
import type { FoundSegment } from './doctor-tree.ts'
import type { Finding } from './finding.ts'

const FUTURE_MS = 3_600_000
const TAIL_BYTES = 4_096

/** Reads one segment to its end and says what is wrong with it. */
export async function examineSegment(
  { files, clock }: Pick<System, 'files' | 'clock'>,
  segment: FoundSegment,
  spoolId: string
): Promise<Finding[]> {
  const { path } = segment
  const findings: Finding[] = []
  const add = (level: Finding['level'], kind: string, what: string, hint: string) =>
    findings.push({ level, kind, path, what, hint })
  let reader: SegmentReader | undefined
  try {
    reader = await SegmentReader.open(files, path)
    if (reader === undefined) {
      if ((await files.stat(path)) !== undefined) await headless(files, path, add)
      return findings
    }
    const { head } = reader
    if (head.mended)
      add('warning', 'head', 'a bit of its first 64 bytes is flipped: it is read all the same', DAMAGE_OTHER)
    if (head.spool !== spoolId)
      add('error', 'foreign', `it was written in another spool (${head.spool})`, 'It was copied here: move it back.')
    if (head.createdAt > clock.now() + FUTURE_MS)
      add('warning', 'future', `made at ${new Date(head.createdAt).toISOString()}`, 'The clock was set back: check it.')
    for await (const part of segmentParts(reader)) {
      if (part.kind === 'damage')
        add(
          'error',
          'damage',
          `bytes ${part.from} to ${part.to} are damaged`,
          DAMAGE_HINT[segment.room] ?? DAMAGE_OTHER
        )
      if (part.kind === 'end' && !part.sealed) await examineTail(reader, part, add)
    }
  } catch (error) {
    if (!(error instanceof DroprError)) {
      add(
        'error',
        'unreadable',
        error instanceof Error ? error.message : String(error),
        'Look at the disk, and who owns it.'
      )
    } else add('error', error.code, error.message, error.hint)
  } finally {
    await reader?.close()
  }
  return findings
}

type Add = (level: Finding['level'], kind: string, what: string, hint: string) => void

const DAMAGE_OTHER = 'What is readable goes on. Look at the disk (SMART, memory).'
const DAMAGE_HINT: Readonly<Record<string, string>> = {
  outbox: 'The client sets it aside in corrupt/ when it comes there; the readable rest is sent. Look at the disk.',
  inbox: 'The next owner sets it aside in corrupt/; the readable rest is handed out. Look at the disk.',
  dead: 'The owner sets it aside in corrupt/ when it comes there, of 8 MiB a minute; the rest can be moved. Look at the disk.'
}

/** Nothing behind it: that is what a crash leaves, and how every segment begins. */
async function headless(files: Files, path: string, add: Add): Promise<void> {
  const behind = Buffer.alloc(TAIL_BYTES)
  const file = await files.open(path)
  try {
    await file.read(behind, SEGMENT_HEAD_BYTES)
  } finally {
    await file.close()
  }
  if (behind.some(byte => byte !== 0))
    add('warning', 'headless', 'its first 64 bytes are damaged: what is behind them cannot be read', DAMAGE_OTHER)
  else
    add(
      'note',
      'headless',
      'its head is not whole, and nothing is behind it: being begun, or cut by a crash',
      'Nothing in it was ever acknowledged.'
    )
}

/** What a crash, or a writer in the middle of it, leaves behind the last good frame. */
async function examineTail(reader: SegmentReader, end: { at: number; syncedTo: number }, add: Add): Promise<void> {
  const bytes = await reader.bytes()
  const tail = await reader.raw(end.at, TAIL_BYTES)
  if (end.syncedTo > bytes) {
    const what = `it ends at byte ${bytes}, and was synced up to ${end.syncedTo}: it was cut`
    add('error', 'cut', what, 'Something else shortened it; what is there goes on. Look at the disk.')
  } else if (tail.some(byte => byte !== 0)) {
    const what = `it ends within a frame, at byte ${end.at} of ${bytes}: being written, cut by a crash, or shortened`
    add('note', 'torn', what, 'What was acknowledged before a crash is in front of it; what is there goes on.')
  }
}
