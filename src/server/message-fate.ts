import { decodeNote, entryBytes, MARK } from '../journal/entry.ts'
import { FolderTail, type TailFrame } from '../journal/folder-tail.ts'
import type { Spool } from '../spool/spool.ts'
import { type InboxMark, inboxMark } from './inbox-marks.ts'

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

/**
 * Follows one message through the files of its channel, whoever owns the inbox, and while nobody does. What was finished stays
 * finished; what a void mark takes back never happened.
 */
export class MessageFate {
  readonly #tail: FolderTail
  readonly #stream: string
  readonly #position: number
  #said: Said[] = []

  /** @param options.since Wall ms: when it was sent. */
  constructor(options: { spool: Spool; channel: string; stream: string; position: number; since: number }) {
    const { spool, channel, stream, position, since } = options
    this.#tail = new FolderTail({ files: spool.system.files, folder: spool.inbox(channel), since })
    this.#stream = stream
    this.#position = position
  }

  async look(): Promise<Fate> {
    for await (const found of this.#tail.look()) this.#take(found)
    return {
      arrivedAt: this.#said.find(({ ending }) => ending === undefined)?.at,
      ending: this.#said.find(({ ending }) => ending !== undefined)?.ending
    }
  }

  #take({ segment, frame }: TailFrame): void {
    const { source, payload, at, offset } = frame
    const place = { writer: segment.writer, n: segment.n, offset, at }
    if (source !== undefined) {
      const here = source.stream === this.#stream && source.from <= this.#position && this.#position < source.to
      if (here && frame.kind === 'data') this.#said.push({ ...place, ending: undefined })
      return
    }
    for (let i = 0, entry = 0; i < frame.count && entry < payload.length; i++, entry += entryBytes(payload, entry)) {
      const mark = payload[entry + 8] === MARK ? inboxMark(decodeNote(payload, entry)) : undefined
      if (mark?.m === 'void') this.#takeBack({ ...mark, writer: segment.writer, before: segment.n })
      const ending = mark === undefined ? undefined : this.#endingIn(mark, at)
      if (ending !== undefined) this.#said.push({ ...place, ending })
    }
  }

  #endingIn(mark: InboxMark, at: number): Ending | undefined {
    if (mark.m !== 'done' && mark.m !== 'dead' && mark.m !== 'expired') return undefined
    if (mark.s !== this.#stream || !mark.r.some(([from, to]) => from <= this.#position && this.#position < to))
      return undefined
    if (mark.m === 'dead') return { how: 'dead', at, reason: mark.e }
    return mark.m === 'done' && mark.x !== undefined ? { how: 'done', at, result: mark.x } : { how: mark.m, at }
  }

  #takeBack(gone: { writer: string; n: number; at: number; before: number }): void {
    this.#said = this.#said.filter(
      ({ writer, n, offset }) =>
        writer !== gone.writer || n >= gone.before || n < gone.n || (n === gone.n && offset < gone.at)
    )
  }
}
