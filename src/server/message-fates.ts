import { decodeNote, entryBytes, MARK } from '../journal/entry.ts'
import { FolderTail, type TailFrame } from '../journal/folder-tail.ts'
import type { Spool } from '../spool/spool.ts'
import { type InboxMark, inboxMark } from './inbox-marks.ts'
import type { PositionRun } from './inbox-port.ts'
import { isVoid, voidsIn } from './voids.ts'

/** What the files of the inbox say of one message. */
export interface Fate {
  /** Wall ms; undefined: it is not here, or was and is removed. */
  arrivedAt: number | undefined
  ending: Ending | undefined
}

export interface Ending {
  how: 'done' | 'dead' | 'expired'
  /** Wall ms. */
  at: number
  /** What its consumer said with the ack. */
  result?: unknown
  reason?: string
}

/** Something that was said, and where: a failed commit may be taken back. */
interface Said {
  writer: string
  n: number
  offset: number
  ending: Ending | undefined
  at: number
}

interface Asked {
  users: number
  said: Said[]
}

const NOTHING: Fate = { arrivedAt: undefined, ending: undefined }

/**
 * Follows messages that somebody asks about through the files of their channel, whoever owns the inbox, and while nobody does:
 * one look for all of them. What was finished stays finished; what a void mark takes back never happened.
 */
export class MessageFates {
  readonly folder: string
  readonly #tail: FolderTail
  /** By stream, then position. */
  readonly #asked = new Map<string, Map<number, Asked>>()
  #rewindTo: number | undefined

  constructor(spool: Spool, channel: string) {
    this.folder = spool.inbox(channel)
    this.#tail = new FolderTail({ files: spool.system.files, folder: this.folder })
  }

  /** Somebody asks about a message that was sent at `since` (wall ms), until `leave`. */
  want(stream: string, position: number, since: number): void {
    const positions = this.#asked.get(stream) ?? new Map<number, Asked>()
    this.#asked.set(stream, positions)
    const asked = positions.get(position) ?? { users: 0, said: [] }
    if (asked.users++ > 0) return
    positions.set(position, asked)
    this.#rewindTo = Math.min(this.#rewindTo ?? since, since)
  }

  /** True when nobody asks about anything any more. */
  leave(stream: string, position: number): boolean {
    const positions = this.#asked.get(stream)
    const asked = positions?.get(position)
    if (asked !== undefined && --asked.users === 0) positions!.delete(position)
    if (positions?.size === 0) this.#asked.delete(stream)
    return this.#asked.size === 0
  }

  of(stream: string, position: number): Fate {
    const said = this.#asked.get(stream)?.get(position)?.said
    if (said === undefined) return NOTHING
    return {
      arrivedAt: said.find(({ ending }) => ending === undefined)?.at,
      ending: said.find(({ ending }) => ending !== undefined)?.ending
    }
  }

  async look(): Promise<void> {
    if (this.#rewindTo !== undefined) {
      this.#tail.rewind(this.#rewindTo)
      this.#takeBack(() => true)
    }
    this.#rewindTo = undefined
    for await (const found of this.#tail.look()) this.#take(found)
  }

  #take({ segment, frame }: TailFrame): void {
    const { source, payload, at, offset } = frame
    const place = { writer: segment.writer, n: segment.n, offset, at }
    if (source !== undefined) {
      if (frame.kind !== 'data') return
      this.#say(source.stream, [[source.from, source.to]], { ...place, ending: undefined })
      return
    }
    for (const gone of voidsIn(frame, segment)) this.#takeBack(said => isVoid(gone, said, said))
    for (let i = 0, entry = 0; i < frame.count && entry < payload.length; i++, entry += entryBytes(payload, entry)) {
      const mark = payload[entry + 8] === MARK ? inboxMark(decodeNote(payload, entry)) : undefined
      if (mark === undefined) continue
      const ending = endingIn(mark, at)
      if (ending !== undefined) this.#say(ending.stream, ending.runs, { ...place, ending: ending.said })
    }
  }

  #say(stream: string, runs: readonly PositionRun[], said: Said): void {
    const positions = this.#asked.get(stream)
    if (positions === undefined) return
    for (const [from, to] of runs) {
      if (to - from > positions.size) {
        for (const [position, asked] of positions) if (from <= position && position < to) asked.said.push(said)
      } else for (let position = from; position < to; position++) positions.get(position)?.said.push(said)
    }
  }

  #takeBack(isGone: (said: Said) => boolean): void {
    for (const positions of this.#asked.values())
      for (const asked of positions.values()) asked.said = asked.said.filter(said => !isGone(said))
  }
}

function endingIn(mark: InboxMark, at: number): { stream: string; runs: PositionRun[]; said: Ending } | undefined {
  if (mark.m !== 'done' && mark.m !== 'dead' && mark.m !== 'expired') return undefined
  const { s: stream, r: runs } = mark
  if (mark.m === 'dead') return { stream, runs, said: { how: 'dead', at, reason: mark.e } }
  const result = mark.m === 'done' ? mark.x : undefined
  return { stream, runs, said: { how: mark.m, at, ...(result !== undefined && { result }) } }
}
