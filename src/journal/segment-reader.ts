import { crc32 } from 'node:zlib'
import { systemCode } from '../errors.ts'
import type { Files, ReadFile } from '../system/files.ts'
import type { Blocks } from './blocks.ts'
import {
  decodeFrameHeader,
  FRAME_BYTES_MAX,
  FRAME_HEADER_BYTES_MAX,
  FRAME_MAGIC,
  type Frame,
  type FrameHeader,
  frameEnd,
  headerBytesAt,
  isOfStream
} from './frame.ts'
import { JoinedFrames } from './joined-frames.ts'
import { decodeSegmentHead, SEGMENT_HEAD_BYTES, type SegmentHead } from './segment-head.ts'

/** Small reads are copied out of the window, so that a few entries do not hold a megabyte. */
const COPY_BYTES_MAX = 32_768
const READ_BYTES_MIN = 32_768
const READ_BYTES_MAX = 4_194_304
/** How much is looked through at once: most damage is near the end of a file. */
const RESYNC_BYTES_MIN = 65_536
const RESYNC_BYTES_MAX = 1_048_576
const BLANK = Buffer.alloc(64)
const EMPTY = Buffer.alloc(0)

export interface FramesRead {
  frames: Frame[]
  /** Where the next read begins. */
  next: number
  /** 'end': nothing more there now. 'more': read on. 'bad': what lies at `next` is no frame: being written, torn or damaged. */
  stop: 'end' | 'more' | 'bad'
  /** Wall ms of the newest frame; 0 without any. */
  newestAt: number
  /** What the frames are views of, when it was asked for: to be given back after them. */
  block?: Buffer
}

interface How {
  blocks?: Blocks
  fresh?: boolean
  stream?: string
}

/** Reads the frames of one segment, also while its writer is still appending. Only whole frames with good CRCs come out. */
export class SegmentReader {
  readonly path: string
  readonly head: SegmentHead
  readonly #file: ReadFile
  #window: Buffer = EMPTY
  /** How much to read at once: grows while frames fill it, shrinks while they do not. */
  #ahead = READ_BYTES_MIN

  private constructor(path: string, file: ReadFile, head: SegmentHead) {
    this.path = path
    this.#file = file
    this.head = head
  }

  /** Undefined when there is no such file, or its head is not (yet) whole: nothing in it was ever acknowledged. */
  static async open(files: Files, path: string): Promise<SegmentReader | undefined> {
    let file: ReadFile
    try {
      file = await files.open(path)
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined
      throw error
    }
    try {
      const bytes = Buffer.alloc(SEGMENT_HEAD_BYTES)
      const count = await file.read(bytes, 0)
      const head = count < bytes.length ? undefined : decodeSegmentHead(bytes, path)
      if (head !== undefined) return new SegmentReader(path, file, head)
    } catch (error) {
      await file.close()
      throw error
    }
    await file.close()
    return undefined
  }

  /** Length of the file: what is preallocated counts. */
  bytes(): Promise<number> {
    return this.#file.bytes()
  }

  close(): Promise<void> {
    return this.#file.close()
  }

  /**
   * Whole frames from `offset`, about `bytesMax` of them, at least one if there is one.
   *
   * @param how.blocks Where the memory for it comes from. Without, frames that fill what was read keep it, and few are copied.
   * With it, small frames that follow each other come as one (`JoinedFrames`): where they lay is not where their payload is.
   * @param how.fresh What is there was written a moment ago.
   * @param how.stream Only frames whose source is this stream, 32 hex digits, are wanted; the others are not gone into.
   */
  async read(offset: number, bytesMax: number, how: How = {}): Promise<FramesRead> {
    const { blocks, fresh = false } = how
    let size = Math.max(FRAME_HEADER_BYTES_MAX, Math.min(this.#ahead, bytesMax))
    let bytes = await this.#fill(offset, this.#memory(size, blocks), { fresh: fresh && size <= READ_BYTES_MIN })
    let taken = this.#parse(bytes, offset, how)
    if (taken.frames.length === 0 && bytes.length === size && taken.needs > size) {
      const begun = bytes
      size = Math.max(taken.needs, bytesMax)
      bytes = await this.#fill(offset, this.#memory(size, blocks), { begun })
      blocks?.give(begun)
      taken = this.#parse(bytes, offset, how)
    }
    const { frames, used, needs, newestAt } = taken
    const more = used > 0 && bytes.length === size && needs > size - used
    const blank = isBlank(bytes.subarray(used, used + BLANK.length))
    if (blocks === undefined) this.#handOver(frames, bytes, used, offset)
    this.#ahead =
      used > size / 2 ? Math.min(size * 4, READ_BYTES_MAX) : Math.max(READ_BYTES_MIN, Math.ceil(this.#ahead / 2))
    const stop = more ? 'more' : blank ? 'end' : 'bad'
    return { frames, next: offset + used, stop, newestAt, ...(blocks !== undefined && { block: bytes }) }
  }

  /**
   * The next valid frame at or after `offset`: what a damaged place is followed by. Undefined when none is.
   *
   * @param onBroken Called with each header on the way that can be believed, though its frame is not whole.
   */
  async resync(
    offset: number,
    onBroken?: (header: FrameHeader & { offset: number }) => void
  ): Promise<Frame | undefined> {
    const overlap = FRAME_HEADER_BYTES_MAX
    let size = RESYNC_BYTES_MIN
    for (let at = offset; ; ) {
      const bytes = await this.#fill(at, this.#memory(size + overlap))
      for (let hit = bytes.indexOf(FRAME_MAGIC); hit !== -1 && hit < size; hit = bytes.indexOf(FRAME_MAGIC, hit + 1)) {
        const header = decodeFrameHeader(bytes, hit, this.head.salt)
        if (header === undefined) continue
        const { frames } = await this.read(at + hit, RESYNC_BYTES_MAX)
        if (frames[0] !== undefined) return frames[0]
        onBroken?.({ ...header, offset: at + hit })
      }
      if (bytes.length < size + overlap) return undefined
      at += size
      size = Math.min(size * 4, RESYNC_BYTES_MAX)
    }
  }

  /** Bytes as they are, fewer at the end of the file. */
  async raw(offset: number, bytes: number): Promise<Buffer> {
    const into = Buffer.alloc(bytes)
    return into.subarray(0, await this.#file.read(into, offset))
  }

  /** Frames keep views into what was read: the window itself when they fill it, a copy when they are few. */
  #handOver(frames: Frame[], bytes: Buffer, used: number, offset: number): void {
    if (used > COPY_BYTES_MAX) this.#window = EMPTY
    else if (used > 0) {
      const copy = Buffer.from(bytes.subarray(0, used))
      for (const frame of frames) frame.payload = copy.subarray(frame.payloadAt - offset, frame.end - offset)
    }
  }

  #memory(bytes: number, blocks?: Blocks): Buffer {
    if (blocks !== undefined) return blocks.take(bytes)
    if (this.#window.length !== bytes) this.#window = Buffer.allocUnsafeSlow(bytes)
    return this.#window
  }

  /** As much of `into` as the file has; it begins with what was read already. */
  async #fill(
    offset: number,
    into: Buffer,
    { begun = EMPTY, fresh = false }: { begun?: Buffer; fresh?: boolean } = {}
  ): Promise<Buffer> {
    begun.copy(into)
    const more = await this.#file.read(into.subarray(begun.length), offset + begun.length, fresh)
    return into.subarray(0, begun.length + more)
  }

  /** Where the first frame of a stream begins, at or after `from`, or the first that is not whole. */
  #skipOthers(bytes: Buffer, from: number, stream: Buffer): number {
    for (let at = from; ; ) {
      const headerBytes = headerBytesAt(bytes, at, this.head.salt)
      if (headerBytes === 0 || isOfStream(bytes, at, headerBytes, stream)) return at
      const end = frameEnd(bytes, at, headerBytes)
      if (end > bytes.length) return at
      at = end
    }
  }

  #parse(bytes: Buffer, offset: number, { blocks, stream }: How): Parsed {
    const frames: Frame[] = []
    const joined = blocks === undefined ? undefined : new JoinedFrames(bytes, offset, this.head.salt)
    const wanted = stream === undefined ? undefined : Buffer.from(stream, 'hex')
    let newestAt = 0
    let at = 0
    for (;;) {
      const last = frames.at(-1)
      if (joined !== undefined && last !== undefined) {
        at = joined.add(last, at)
        newestAt = Math.max(newestAt, joined.newestAt)
      }
      if (wanted !== undefined) at = this.#skipOthers(bytes, at, wanted)
      const header = decodeFrameHeader(bytes, at, this.head.salt)
      if (header === undefined) {
        const needs = bytes.length - at < FRAME_HEADER_BYTES_MAX ? FRAME_HEADER_BYTES_MAX : 0
        return { frames, used: at, needs, newestAt }
      }
      const { headerBytes, payloadBytes, payloadCrc } = header
      const end = at + headerBytes + payloadBytes
      if (end > bytes.length)
        return { frames, used: at, needs: payloadBytes > FRAME_BYTES_MAX ? 0 : end - at, newestAt }
      const payload = bytes.subarray(at + headerBytes, end)
      if (crc32(payload) !== payloadCrc) return { frames, used: at, needs: 0, newestAt }
      // Named one by one: taking an object apart costs more than all the rest of this.
      const { kind, count, first, syncedTo, at: writtenAt, source } = header
      newestAt = Math.max(newestAt, writtenAt)
      frames.push({
        kind,
        count,
        first,
        syncedTo,
        at: writtenAt,
        source,
        offset: offset + at,
        payloadAt: offset + at + headerBytes,
        end: offset + end,
        payload
      })
      at = end
    }
  }
}

/** `needs`: bytes from the first frame not taken that would make it whole, as far as its header can be believed. */
interface Parsed {
  frames: Frame[]
  used: number
  needs: number
  newestAt: number
}

function isBlank(bytes: Buffer): boolean {
  return bytes.equals(bytes.length === BLANK.length ? BLANK : BLANK.subarray(0, bytes.length))
}
