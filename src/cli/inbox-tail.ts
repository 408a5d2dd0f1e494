import { beyond } from '../journal/beyond.ts'
import { decodeMessage, MESSAGE } from '../journal/entry.ts'
import type { Frame } from '../journal/frame.ts'
import { SEGMENT_HEAD_BYTES } from '../journal/segment-head.ts'
import { listSegments } from '../journal/segment-names.ts'
import { SegmentReader } from '../journal/segment-reader.ts'
import type { Stored } from '../message.ts'
import type { Files } from '../system/files.ts'
import { entryPlaces } from './ls-frames.ts'

const READ_BYTES = 1_048_576
/** Nothing more will be written there. */
const SEALED = Number.POSITIVE_INFINITY

/** A message that arrived. */
export interface Arrived {
  stored: Stored
  from: string
  priority: number
  /** Wall ms. */
  receivedAt: number
}

/** Follows one channel of the inbox while others write it. Keeps no file open and no message in memory. */
export class InboxTail {
  readonly #files: Files
  readonly #folder: string
  /** By path: read up to here. */
  #read = new Map<string, number>()
  #began = false
  /** By stream: what lies below was seen. A copy that a new owner makes of a frame is not new. */
  readonly #next = new Map<string, number>()

  constructor(files: Files, folder: string) {
    this.#files = files
    this.#folder = folder
  }

  /** What came since the last look. The first look gives everything that lies there. */
  async *look(): AsyncGenerator<Arrived> {
    const segments = await listSegments(this.#files, this.#folder)
    this.#read = new Map(segments.map(({ path }) => [path, this.#read.get(path) ?? SEGMENT_HEAD_BYTES]))
    for (const { path } of segments) {
      if (this.#read.get(path) === SEALED) continue
      const reader = await SegmentReader.open(this.#files, path)
      if (reader === undefined) continue
      try {
        for (let more = true; more; ) {
          const { frames, next, stop } = await reader.read(this.#read.get(path)!, READ_BYTES)
          for (const frame of frames) yield* this.#arrivedIn(frame)
          if (frames.at(-1)?.kind === 'seal') {
            this.#read.set(path, SEALED)
            break
          }
          // What is no frame may be one in a moment. What lay behind a damaged place when we began is found once.
          const behind = stop === 'more' || this.#began ? undefined : (await beyond(reader, next)).next
          this.#read.set(path, behind?.offset ?? next)
          more = stop === 'more' || behind !== undefined
        }
      } finally {
        await reader.close()
      }
    }
    this.#began = true
  }

  *#arrivedIn({ source, kind, payload, at: receivedAt, ...frame }: Frame): Generator<Arrived> {
    if (source === undefined) return
    const { stream, node: from, priority } = source
    const seen = this.#next.get(stream) ?? 0
    this.#next.set(stream, Math.max(seen, source.to))
    if (kind !== 'data') return
    for (const [i, at] of entryPlaces({ ...frame, source, kind, payload, at: receivedAt }).entries()) {
      if (source.from + i < seen || payload[at + 8] !== MESSAGE) continue
      yield { stored: decodeMessage(payload, at), from, priority, receivedAt }
    }
  }
}
