import { decodeMessage, decodeNote, MARK, MESSAGE } from '../journal/entry.ts'
import type { Frame, Source } from '../journal/frame.ts'
import { listSegments } from '../journal/segment-names.ts'
import type { Stored } from '../message.ts'
import { Bits } from '../scheduler/bits.ts'
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
    const seen = new Map<string, Bits>()
    /** By place: letters whose note has not come. It is beside them, except after a crash. */
    const waiting = new Map<string, FoundRow>()
    for await (const frame of this.#frames()) {
      for (const at of entryPlaces(frame)) {
        const kind = frame.payload[at + 8]
        if (kind === MESSAGE && frame.source) {
          const letter = this.#letter(frame.source, decodeMessage(frame.payload, at), wanted !== undefined)
          const here = seen.get(letter.stream) ?? new Bits()
          seen.set(letter.stream, here)
          // Written again after a crash: what was known is still so.
          if (here.has(letter.position) || (wanted !== undefined && letter.id !== wanted)) continue
          here.add(letter.position)
          waiting.set(`${letter.stream} ${letter.position}`, letter)
        }
        const note = kind === MARK ? noteOf(decodeNote(frame.payload, at)) : undefined
        const letter = note && waiting.get(`${note.stream} ${note.position}`)
        if (note === undefined || letter === undefined) continue
        waiting.delete(`${note.stream} ${note.position}`)
        yield { ...letter, reason: note.reason, code: note.code }
      }
    }
    yield* waiting.values()
  }

  #letter(source: Source, stored: Stored, whole: boolean): FoundRow {
    const { id, sentAt, body } = stored
    return {
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
      ...(whole ? { stored } : {})
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
