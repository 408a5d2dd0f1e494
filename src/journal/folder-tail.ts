import type { Files } from '../system/files.ts'
import type { Frame } from './frame.ts'
import { SEGMENT_HEAD_BYTES, type SegmentHead } from './segment-head.ts'
import { listSegments, type SegmentName } from './segment-names.ts'
import { vouchedAfter } from './segment-parts.ts'
import { SegmentReader } from './segment-reader.ts'
import { savedFrames } from './whole-frames.ts'

const READ_BYTES = 1_048_576
/** Nothing more will be written there, or nothing that is asked for lies there. */
const PASSED = Number.POSITIVE_INFINITY
/** A clock that was set back by less hides nothing from who reads from a time on. */
const DOUBT_MS = 3_600_000

/** A frame, and where it lies. */
export interface TailFrame {
  segment: SegmentName
  head: SegmentHead
  frame: Frame
}

/**
 * Follows a folder of segments while others write it: each look gives the frames that came since the one before. Keeps no file
 * open and nothing in memory but how far it has read.
 */
export class FolderTail {
  readonly #files: Files
  readonly #folder: string
  #since: number
  /** By path: read up to here. */
  #read = new Map<string, number>()
  #began = false

  /** @param options.since Wall ms: nothing written much earlier is asked for. */
  constructor(options: { files: Files; folder: string; since?: number }) {
    this.#files = options.files
    this.#folder = options.folder
    this.#since = options.since ?? 0
  }

  /** The next look gives again what was written since then. */
  rewind(since: number): void {
    this.#since = since
    this.#read.clear()
    this.#began = false
  }

  async *look(): AsyncGenerator<TailFrame> {
    const segments = await listSegments(this.#files, this.#folder)
    const first = this.#began ? 0 : await this.#firstOf(segments)
    this.#read = new Map(
      segments.map(({ path }, i) => [path, this.#read.get(path) ?? (i < first ? PASSED : SEGMENT_HEAD_BYTES)])
    )
    for (const segment of segments) if (this.#read.get(segment.path) !== PASSED) yield* this.#lookInto(segment)
    this.#began = true
  }

  async *#lookInto(segment: SegmentName): AsyncGenerator<TailFrame> {
    const { path } = segment
    const reader = await SegmentReader.open(this.#files, path)
    if (reader === undefined) return
    const { head } = reader
    try {
      for (let more = true; more; ) {
        const { frames, next, stop } = await reader.read(this.#read.get(path)!, READ_BYTES)
        for (const frame of frames) yield { segment, head, frame }
        if (frames.at(-1)?.kind === 'seal') {
          this.#read.set(path, PASSED)
          return
        }
        // What is no frame may be one in a moment, unless it was synced once: that is damage. What lay behind a bad place when we
        // began is found once.
        const after = () => (this.#began ? vouchedAfter(reader, next) : reader.resync(next))
        const beyond = stop === 'bad' ? await after() : undefined
        if (beyond !== undefined)
          for (const frame of await savedFrames(reader, next, beyond.offset)) yield { segment, head, frame }
        this.#read.set(path, beyond?.offset ?? next)
        more = stop === 'more' || beyond !== undefined
      }
    } finally {
      await reader.close()
    }
  }

  /** The first segment that may hold something written since: it, or one after it, was made before that. */
  async #firstOf(segments: readonly SegmentName[]): Promise<number> {
    if (this.#since === 0) return 0
    for (let i = segments.length - 1; i > 0; i--) {
      const reader = await SegmentReader.open(this.#files, segments[i]!.path)
      await reader?.close()
      if (reader !== undefined && reader.head.createdAt < this.#since - DOUBT_MS) return i
    }
    return 0
  }
}
