import { DroprError } from '../errors.ts'
import type { Draft } from '../message.ts'
import type { Blocks } from './blocks.ts'
import { encodeMessage, messageBytesMost } from './entry.ts'
import { FRAME_BYTES_MAX, FRAME_HEADER_BYTES, FRAME_HEADER_BYTES_MAX, type FrameKind, type Source } from './frame.ts'
import type { Ids } from './ids.ts'
import type { Place } from './segment-file.ts'

/** A journal that is seldom written to need not hold a megabyte; one that fills its buffer gets four times as much. */
const BUFFER_BYTES = { min: 16_384, max: 1_048_576, factor: 4 }

/** A frame that waits for its commit: only its header is still to be written. */
export interface WaitingFrame {
  kind: FrameKind
  source: Source | undefined
  count: number
  payload: Uint8Array[]
  /** Where the header goes; for frames of drafts it lies right before the payload. */
  header: Buffer
  joined: boolean
}

/** Who is told of one commit: three items each, `resolve`, `reject`, and the value to resolve with. */
export type Waiters = unknown[]

export interface Commit {
  frames: WaitingFrame[]
  waiters: Waiters
  bytes: number
  synced: boolean
  /** What its frames of drafts lie in. */
  buffers?: Buffer[]
}

/**
 * What waits for the next commit: entries encoded straight into the frame that will be written, and frames of raw bytes.
 */
export class Waiting {
  readonly #ids: Ids
  readonly #blocks: Blocks
  #bufferBytes = BUFFER_BYTES.min
  #buffer: Buffer | undefined
  /** Full, and of the same commit. */
  #full: Buffer[] = []
  /** The open frame of drafts: [start, end) of the buffer; nothing open when start is -1. */
  #start = -1
  #end = 0
  #count = 0
  #frames: WaitingFrame[] = []
  #waiters: Waiters = []
  #synced = false
  bytes = 0

  constructor(ids: Ids, blocks: Blocks) {
    this.#ids = ids
    this.#blocks = blocks
  }

  /** One message. Returns its id. */
  message(draft: Draft, now?: number): string {
    this.#room(messageBytesMost(draft))
    return this.#encode(draft, now)
  }

  /** Messages that stand or fall together: one frame. Returns their ids. */
  messages(drafts: readonly Draft[]): string[] {
    let bytes = FRAME_HEADER_BYTES
    for (const draft of drafts) bytes += messageBytesMost(draft)
    if (bytes > FRAME_BYTES_MAX)
      throw new DroprError('MESSAGE_TOO_LARGE', `a batch of ${bytes} bytes, at most ${FRAME_BYTES_MAX}`)
    this.#room(bytes)
    const before = { end: this.#end, count: this.#count, bytes: this.bytes }
    try {
      return drafts.map(draft => this.#encode(draft, undefined))
    } catch (error) {
      this.#end = before.end
      this.#count = before.count
      this.bytes = before.bytes
      throw error
    }
  }

  /** One entry that is already encoded: a mark. */
  entry(entry: Buffer): void {
    this.#room(entry.length)
    this.#buffer!.set(entry, this.#end)
    this.#grown(this.#end + entry.length)
  }

  /** Whole entries as they came: a frame of their own, not copied. */
  range(range: { kind: FrameKind; source: Source | undefined; count: number; payload: Uint8Array[] }): WaitingFrame {
    this.#closeFrame()
    const frame: WaitingFrame = { ...range, header: Buffer.alloc(FRAME_HEADER_BYTES_MAX), joined: false }
    for (const part of range.payload) this.bytes += part.length
    this.bytes += FRAME_HEADER_BYTES
    this.#frames.push(frame)
    return frame
  }

  /** Who to tell. `synced`: the commit must reach the disk, not only the page cache. */
  tell(resolve: unknown, reject: unknown, value: unknown, synced: boolean): void {
    this.#waiters.push(resolve, reject, value)
    if (synced) this.#synced = true
  }

  /** Whether all that waits are drafts and marks. */
  get isJoined(): boolean {
    return this.#frames.every(({ joined }) => joined)
  }

  /** Everything that waits, as one commit; undefined when nothing does. Give it to `reuse` once written. */
  take(): Commit | undefined {
    this.#closeFrame()
    if (this.#frames.length === 0) return undefined
    const buffers = this.#full
    if (this.#buffer !== undefined) buffers.push(this.#buffer)
    const commit = { frames: this.#frames, waiters: this.#waiters, bytes: this.bytes, synced: this.#synced, buffers }
    this.#frames = []
    this.#waiters = []
    this.#synced = false
    this.bytes = 0
    this.#full = []
    this.#buffer = undefined
    this.#end = 0
    return commit
  }

  /** Nobody writes this commit any more. */
  reuse({ buffers = [] }: Commit): void {
    for (const buffer of buffers) this.#blocks.give(buffer)
  }

  #encode(draft: Draft, now: number | undefined): string {
    const id = draft.id ?? this.#ids.next(now)
    this.#grown(encodeMessage(draft, this.#ids, this.#buffer!, this.#end))
    return id
  }

  #grown(end: number): void {
    this.bytes += end - this.#end
    this.#end = end
    this.#count++
  }

  /** Makes sure that a frame is open and has room for `bytes` more; a full buffer stays with its frames. */
  #room(bytes: number): void {
    const header = this.#start === -1 ? FRAME_HEADER_BYTES : 0
    if (this.#buffer === undefined || this.#end + header + bytes > this.#buffer.length) {
      this.#closeFrame()
      if (this.#buffer !== undefined) {
        this.#full.push(this.#buffer)
        this.#bufferBytes = Math.min(this.#bufferBytes * BUFFER_BYTES.factor, BUFFER_BYTES.max)
      }
      this.#buffer = this.#blocks.take(Math.max(this.#bufferBytes, FRAME_HEADER_BYTES + bytes))
      this.#end = 0
    }
    if (this.#start !== -1) return
    this.#start = this.#end
    this.#end += FRAME_HEADER_BYTES
    this.bytes += FRAME_HEADER_BYTES
  }

  #closeFrame(): void {
    if (this.#start === -1) return
    const payloadAt = this.#start + FRAME_HEADER_BYTES
    this.#frames.push({
      kind: 'data',
      source: undefined,
      count: this.#count,
      payload: [this.#buffer!.subarray(payloadAt, this.#end)],
      header: this.#buffer!.subarray(this.#start, this.#end),
      joined: true
    })
    this.#start = -1
    this.#count = 0
  }
}

/** Tells those who wait where their frames lie, or what they asked to be told. */
export function tellAll(commit: Commit, places: readonly Place[]): void {
  const placeOf = new Map<unknown, Place>()
  commit.frames.forEach((frame: WaitingFrame, i) => {
    if (!frame.joined) placeOf.set(frame, places[i]!)
  })
  const { waiters } = commit
  for (let i = 0; i < waiters.length; i += 3) {
    const value = waiters[i + 2]
    ;(waiters[i] as (value: unknown) => void)(placeOf.size > 0 ? (placeOf.get(value) ?? value) : value)
  }
}
