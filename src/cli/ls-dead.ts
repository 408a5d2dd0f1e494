import { decodeMessage, decodeNote, MARK, MESSAGE } from '../journal/entry.ts'
import type { Frame } from '../journal/frame.ts'
import { listSegments } from '../journal/segment-names.ts'
import type { System } from '../system/system.ts'
import { entryPlaces, framesOf } from './ls-frames.ts'
import type { FoundRow, Room } from './ls-rows.ts'

/** What a mark of the dead letters says of one message. */
interface Note {
  stream: string
  position: number
  reason: string
  code: string
}

/** The dead letters of one channel: each message is followed by a mark that says why. Written twice, it counts once. */
export class LsDead implements Room {
  readonly room = 'dead'
  readonly channel: string
  readonly #system: Pick<System, 'files'>
  readonly #folder: string

  constructor(options: { system: Pick<System, 'files'>; folder: string; channel: string }) {
    this.channel = options.channel
    this.#system = options.system
    this.#folder = options.folder
  }

  async *rows(wanted?: string): AsyncGenerator<FoundRow> {
    const notes = new Map<string, Note>()
    for await (const frame of this.#frames()) {
      for (const at of entryPlaces(frame)) {
        const note = frame.payload[at + 8] === MARK ? noteOf(decodeNote(frame.payload, at)) : undefined
        if (note) notes.set(`${note.stream} ${note.position}`, note)
      }
    }
    const seen = new Set<string>()
    for await (const { source, payload } of this.#frames()) {
      const key = source && `${source.stream} ${source.from}`
      if (!source || !key || payload[8] !== MESSAGE || seen.has(key)) continue
      seen.add(key)
      const stored = decodeMessage(payload, 0)
      const { id, sentAt, body } = stored
      if (wanted !== undefined && id !== wanted) continue
      const { reason, code } = notes.get(key) ?? {}
      yield {
        room: 'dead',
        channel: this.channel,
        priority: source.priority,
        from: source.node,
        stream: source.stream,
        position: source.from,
        id,
        state: 'dead',
        sentAt,
        bytes: body.length,
        ...(reason === undefined ? {} : { reason }),
        ...(code === undefined ? {} : { code }),
        ...(wanted === undefined ? {} : { stored })
      }
    }
  }

  async *#frames(): AsyncGenerator<Frame> {
    for (const { path } of await listSegments(this.#system.files, this.#folder)) {
      for await (const { frame } of framesOf(this.#system.files, path)) yield frame
    }
  }
}

function noteOf(mark: unknown): Note | undefined {
  if (typeof mark !== 'object' || mark === null || !Object.hasOwn(mark, 'dead')) return undefined
  const { dead } = mark as { dead: unknown }
  return typeof dead === 'object' && dead !== null ? (dead as Note) : undefined
}
