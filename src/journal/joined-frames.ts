import { crc32 } from 'node:zlib'
import { FRAME_HEADER_BYTES, type Frame, headerBytesAt, type PlainHeader, readPlainHeader } from './frame.ts'

/** What is joined is still cut where a reader may want to begin again, and where it is a second younger. */
const JOINED_BYTES_MAX = 262_144
const JOINED_MS_MAX = 1_000

/**
 * Makes one of small frames that follow each other: who sends one message at a time writes a frame for each, and an object
 * for each costs its reader more than its bytes. Their payloads are moved together, over the headers between them.
 */
export class JoinedFrames {
  /** Wall ms of the newest frame that was joined. */
  newestAt = 0
  readonly #bytes: Buffer
  readonly #offset: number
  readonly #salt: number
  readonly #header: PlainHeader = { count: 0, first: 0, syncedTo: 0, at: 0, payloadBytes: 0, payloadCrc: 0 }

  /** @param offset Where in the file `bytes` begin. */
  constructor(bytes: Buffer, offset: number, salt: number) {
    this.#bytes = bytes
    this.#offset = offset
    this.#salt = salt
  }

  /**
   * Adds to a frame those that come behind it, the first at `begin` of the bytes. They are as good as read one by one: each has a
   * header and a payload whose CRC is right, and goes on where the one before ends.
   *
   * @returns Where the first begins that is not joined.
   */
  add(frame: Frame, begin: number): number {
    if (frame.kind !== 'data' || frame.source !== undefined || frame.count === 0) return begin
    const bytes = this.#bytes
    const header = this.#header
    const payloadFrom = frame.payload.byteOffset - bytes.byteOffset
    let payloadEnd = payloadFrom + frame.payload.length
    let at = begin
    for (;;) {
      const headerBytes = headerBytesAt(bytes, at, this.#salt)
      if (headerBytes === 0 || !readPlainHeader(bytes, at, headerBytes, header)) break
      const from = at + FRAME_HEADER_BYTES
      const end = from + header.payloadBytes
      const follows = header.first === frame.first + frame.count && header.count > 0
      const near = this.#offset + end - frame.offset <= JOINED_BYTES_MAX
      const youngMs = header.at - frame.at
      if (!follows || !near || youngMs < 0 || youngMs >= JOINED_MS_MAX || end > bytes.length) break
      if (crc32(bytes.subarray(from, end)) !== header.payloadCrc) break
      bytes.copyWithin(payloadEnd, from, end)
      payloadEnd += header.payloadBytes
      frame.count += header.count
      frame.syncedTo = header.syncedTo
      this.newestAt = Math.max(this.newestAt, header.at)
      at = end
    }
    if (at === begin) return begin
    frame.end = this.#offset + at
    frame.payload = bytes.subarray(payloadFrom, payloadEnd)
    return at
  }
}
