import type { Files } from '../system/files.ts'
import { beyond } from './beyond.ts'
import type { Frame } from './frame.ts'
import { SEGMENT_HEAD_BYTES, type SegmentHead } from './segment-head.ts'
import { listSegments, type SegmentName } from './segment-names.ts'
import { SegmentReader } from './segment-reader.ts'
import { savedFrames } from './whole-frames.ts'

const READ_BYTES = 1_048_576
const NOTHING = { next: undefined, vouched: false }
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
  /** By path: when it was made, wall ms. */
  readonly #heads = new Map<string, number>()

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
    const there = new Set(segments.map(({ path }) => path))
    for (const path of this.#heads.keys()) if (!there.has(path)) this.#heads.delete(path)
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
        // What is no frame may be one in a moment, unless it was synced once: that is damage. What lay behind a bad place, or zeros,
        // when we began is found once.
        const { next: after, vouched } =
          stop === 'bad' || (stop === 'end' && !this.#began) ? await beyond(reader, next) : NOTHING
        const behind = vouched || !this.#began ? after : undefined
        if (behind !== undefined)
          for (const frame of await savedFrames(reader, next, behind.offset)) yield { segment, head, frame }
        this.#read.set(path, behind?.offset ?? next)
        more = stop === 'more' || behind !== undefined
      }
    } finally {
      await reader.close()
    }
  }

  /**
   * The first segment that may hold something written since: it, or one after it, was made before that. Where one was made earlier
   * than the one before it the clock was set back, and what was written since may lie on either side.
   */
  async #firstOf(segments: readonly SegmentName[]): Promise<number> {
    if (this.#since === 0) return 0
    let first = 0
    let later = Number.POSITIVE_INFINITY
    for (let i = segments.length - 1; i >= 0; i--) {
      const madeAt = await this.#madeAt(segments[i]!.path)
      if (madeAt === undefined) continue
      const isSetBack = madeAt > later + DOUBT_MS
      if ((first === 0 || isSetBack) && madeAt < this.#since - DOUBT_MS) first = i
      else if (isSetBack) first = 0
      later = madeAt
    }
    return first
  }

  async #madeAt(path: string): Promise<number | undefined> {
    const known = this.#heads.get(path)
    if (known !== undefined) return known
    const reader = await SegmentReader.open(this.#files, path)
    await reader?.close()
    if (reader !== undefined) this.#heads.set(path, reader.head.createdAt)
    return reader?.head.createdAt
  }
}
