import { dirname } from 'node:path'
import { SegmentReader } from '../journal/segment-reader.ts'
import { listBlobs, parseSentBlob } from './blob-names.ts'
import type { OutboxStreams } from './outbox-streams.ts'
import type { Spool } from './spool.ts'
import type { StreamReader } from './stream-reader.ts'

/** What waits in one channel for one peer. */
export interface ChannelBacklog {
  channel: string
  depth: number
  /** Of the files that hold it. */
  bytes: number
  /** Wall ms when the oldest of it was written, a second early at most. */
  oldestAt: number
}

/** One survey reads so much at most; a larger backlog is counted to its end by the next ones. */
const SURVEY_BYTES_MAX = 33_554_432
const READ_BYTES = 1_048_576

/** How far a segment was counted, past what its reader has read. */
interface Tally {
  offset: number
  position: number
  /** Of the file, once nothing more is written to it. */
  bytes: number | undefined
}

/**
 * Counts what waits for one peer, also what nobody reads because the peer is down.
 *
 * Sealed segments say their count. Of the others each byte is read once more than for sending, at most, and only while
 * something waits.
 */
export class Backlog {
  readonly #spool: Spool
  readonly #streams: OutboxStreams
  readonly #acked: (stream: string) => number
  #tallies = new Map<string, Tally>()

  /** @param options.acked How far the peer has a stream. */
  constructor(options: { spool: Spool; streams: OutboxStreams; acked: (stream: string) => number }) {
    this.#spool = options.spool
    this.#streams = options.streams
    this.#acked = options.acked
  }

  /**
   * @param behind The peer does not answer, so nobody reads on: look into every stream for more.
   * @throws The system's error when a file cannot be read.
   */
  async survey(behind: boolean): Promise<ChannelBacklog[]> {
    const tallies = new Map<string, Tally>()
    const channels = new Map<string, ChannelBacklog>()
    const folders = new Map<string, ChannelBacklog>()
    let bytesLeft = SURVEY_BYTES_MAX
    for (const stream of this.#streams.open()) {
      const acked = this.#acked(stream.stream)
      const waits = stream.known > acked
      if (!waits && (stream.ended !== undefined || (stream.idle && !behind))) continue
      const tally = this.#tally(stream)
      tallies.set(stream.path, tally)
      if (stream.ended === undefined) bytesLeft -= await this.#count(stream, tally, bytesLeft)
      const depth = Math.max(stream.ended ?? 0, stream.known, tally.position) - acked
      if (depth <= 0) continue
      const oldestAt = acked === 0 ? stream.createdAt : (stream.seen.times.at(acked) ?? stream.createdAt)
      const bytes = await this.#bytes(stream, tally)
      const { channel } = stream
      const found = channels.get(channel) ?? { channel, depth: 0, bytes: 0, oldestAt }
      channels.set(channel, found)
      folders.set(dirname(stream.path), found)
      found.depth += depth
      found.bytes += bytes
      found.oldestAt = Math.min(found.oldestAt, oldestAt)
    }
    for (const [folder, found] of folders) found.bytes += await this.#bodies(folder)
    this.#tallies = tallies
    return [...channels.values()]
  }

  #tally(stream: StreamReader): Tally {
    const tally = this.#tallies.get(stream.path) ?? { offset: 0, position: 0, bytes: undefined }
    if (stream.seen.offset > tally.offset) {
      tally.offset = stream.seen.offset
      tally.position = stream.known
    }
    return tally
  }

  /** @returns Bytes read. What is no frame is left to the reader, which judges it. */
  async #count(stream: StreamReader, tally: Tally, bytesMax: number): Promise<number> {
    const began = tally.offset
    const { blocks } = this.#spool
    if (bytesMax <= 0) return 0
    const reader = await SegmentReader.open(this.#spool.system.files, stream.path)
    if (reader === undefined) return 0
    try {
      for (let more = true; more && tally.offset - began < bytesMax; ) {
        const { frames, next, stop, block } = await reader.read(tally.offset, READ_BYTES, { blocks })
        for (const { first, count, at } of frames) {
          tally.position = Math.max(tally.position, first + count)
          if (count > 0) stream.seen.times.note(first, at)
        }
        if (block !== undefined) blocks.give(block)
        tally.offset = next
        more = stop === 'more' || frames.length > 0
      }
    } finally {
      await reader.close()
    }
    return tally.offset - began
  }

  /** Large bodies in the folder: those that arrived go within a minute. */
  async #bodies(folder: string): Promise<number> {
    const { files } = this.#spool.system
    let bytes = 0
    for (const { path } of await listBlobs(files, folder, parseSentBlob)) bytes += (await files.stat(path))?.bytes ?? 0
    return bytes
  }

  async #bytes(stream: StreamReader, tally: Tally): Promise<number> {
    if (stream.ended === undefined) return tally.offset
    tally.bytes ??= (await this.#spool.system.files.stat(stream.path))?.bytes ?? 0
    return tally.bytes
  }
}
