import { DroprError, diskError } from '../errors.ts'
import { decodeNote, entryBytes, MARK, MESSAGE } from '../journal/entry.ts'
import { listSegments, type SegmentName } from '../journal/segment-names.ts'
import { SegmentReader } from '../journal/segment-reader.ts'
import { type Salvage, wholeFrames } from '../journal/whole-frames.ts'
import type { Files } from '../system/files.ts'
import { DeadFates, holdsMarks, type LetterState, type Moving } from './dead-marks.ts'
import { StreamPositions } from './positions.ts'
import { type DeathNote, deathNoteOf } from './room-dead.ts'

/** A dead letter where it lies. */
export interface Letter {
  channel: string
  stream: string
  position: number
  origin: string
  node: string
  priority: number
  entry: Buffer
  note: DeathNote
  state: LetterState
}

/** Letters of one channel that follow each other, and where to go on behind them. */
export interface LetterPage {
  letters: Letter[]
  after: string
}

export interface LetterWalk {
  files: Files
  folder: string
  channel: string
  fates: Pick<DeadFates, 'of'>
  salvage?: Salvage
}

/** What became of the letters of a channel, as its marks say. Reads no letter. `salvage`: what to do where there is damage. */
export async function readFates(
  files: Files,
  folder: string,
  salvage?: Salvage
): Promise<{ fates: DeadFates; unsettled: Moving[] }> {
  const fates = new DeadFates()
  for (const { path } of await listSegments(files, folder)) {
    if (!holdsMarks(path)) continue
    const reader = await SegmentReader.open(files, path)
    if (reader === undefined) continue
    try {
      for await (const frame of wholeFrames(reader, undefined, salvage)) fates.fold(frame)
    } finally {
      await reader.close()
    }
  }
  return { fates, unsettled: fates.end() }
}

/**
 * The letters of a channel, those that came first first, a page for each frame with notes. A letter whose note is missing is none
 * yet: who buried it had not heard that it is here, and buries it again.
 *
 * @param options.after Where an earlier walk was, or undefined.
 * @param options.salvage What to do where there is damage.
 */
export async function* walkLetters(options: LetterWalk & { after?: string | undefined }): AsyncGenerator<LetterPage> {
  const { files, folder, after } = options
  const from = after === undefined ? undefined : placeOf(after)
  const seen = new StreamPositions()
  try {
    for (const segment of await listSegments(files, folder)) {
      if (holdsMarks(segment.path) || (from !== undefined && isBefore(segment, from))) continue
      const here = from !== undefined && segment.n === from.n && segment.writer === from.writer
      yield* walkSegment(options, segment, seen, here ? from.offset : undefined)
    }
  } catch (error) {
    throw diskError(error, `read ${folder}`)
  }
}

async function* walkSegment(
  options: LetterWalk,
  segment: SegmentName,
  seen: StreamPositions,
  offset: number | undefined
): AsyncGenerator<LetterPage> {
  const { files, channel, fates, salvage } = options
  const reader = await SegmentReader.open(files, segment.path)
  if (reader === undefined) return
  const open = new Map<string, Omit<Letter, 'note' | 'state'>>()
  try {
    for await (const { source, payload, end } of wholeFrames(reader, offset, salvage)) {
      const letters: Letter[] = []
      for (let at = 0, i = 0; at < payload.length; at += entryBytes(payload, at), i++) {
        if (source !== undefined && payload[at + 8] === MESSAGE) {
          const { stream, origin, node, priority } = source
          const entry = payload.subarray(at, at + entryBytes(payload, at))
          const position = source.from + i
          open.set(`${stream} ${position}`, { channel, stream, position, origin, node, priority, entry })
        }
        const note = payload[at + 8] === MARK ? deathNoteOf(decodeNote(payload, at)) : undefined
        const letter = note && open.get(`${note.stream} ${note.position}`)
        if (letter === undefined) continue
        open.delete(`${letter.stream} ${letter.position}`)
        if (seen.add(letter.stream, letter.position))
          letters.push({ ...letter, note: note!, state: fates.of(letter.stream, letter.position) })
      }
      if (letters.length > 0) yield { letters, after: `${segment.writer} ${segment.n} ${end}` }
    }
  } finally {
    await reader.close()
  }
}

function isBefore({ n, writer }: SegmentName, place: { n: number; writer: string }): boolean {
  return n < place.n || (n === place.n && writer < place.writer)
}

function placeOf(text: string): { writer: string; n: number; offset: number } {
  const [, writer, n, offset] = /^([a-z0-9]{1,32}) (\d{1,15}) (\d{1,15})$/.exec(text) ?? []
  if (writer === undefined)
    throw new DroprError('REQUEST_BAD', `${JSON.stringify(text)} is no place in the dead letters`)
  return { writer, n: Number(n), offset: Number(offset) }
}
