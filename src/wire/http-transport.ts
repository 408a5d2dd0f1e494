import type { Readable } from 'node:stream'
import { DroprError } from '../errors.ts'
import type { Limits } from '../limits.ts'
import type { Clock } from '../system/clock.ts'
import { decodeAnswer } from './answer.ts'
import { BLOB_PATH } from './blob.ts'
import { Connections } from './connections.ts'
import { Deadlines } from './deadlines.ts'
import { failureFromStatus, failureFromThrown } from './failures.ts'
import { encodeUpload } from './headers.ts'
import { LookUps, type Resolve } from './look-ups.ts'
import { Patience } from './patience.ts'
import { type PeerTarget, peerTarget } from './peer-url.ts'
import type { PeerAddress, Transport } from './transport.ts'
import type { ResponseData } from './undici.ts'
import { ANSWER_TYPE, ENTRIES_TYPE, UPLOAD_PATH, type UploadAnswer, type UploadRequest } from './upload.ts'
import { uploadFailure } from './upload-failure.ts'

/** An open connection takes so much at once: nobody need watch it go. */
const SMALL_BYTES_MAX = 16_384

export interface HttpTransportOptions {
  clock: Clock
  limits: Limits
  /** How hosts are found; the system's way when not given. */
  resolve?: Resolve
}

/**
 * Uploads over HTTP, by undici's `request`: it follows no redirect, unpacks nothing, and stops at 1 MiB of answer.
 *
 * Bounded are: the connection (`connectMsMax`), a body that does not move (`stallMsMax`), the head of the answer after the
 * body was sent, and then the rest of it (`answerMsMax` each). The whole is not.
 */
export class HttpTransport implements Transport {
  readonly #clock: Clock
  readonly #limits: Limits
  readonly #lookUps: LookUps
  readonly #deadlines: Deadlines
  readonly #peers = new Map<string, Connections>()
  #closed = false

  constructor(options: HttpTransportOptions) {
    this.#clock = options.clock
    this.#limits = options.limits
    this.#lookUps = new LookUps(options.clock, options.resolve)
    this.#deadlines = new Deadlines(options.clock, options.limits.answerMsMax)
  }

  async upload(peer: PeerAddress, request: UploadRequest, signal: AbortSignal): Promise<UploadAnswer> {
    try {
      if (this.#closed) throw new DroprError('CLOSED', 'the transport was closed')
      const { origin, folder } = targetOf(peer)
      const path = folder + (request.blob === undefined ? UPLOAD_PATH : BLOB_PATH)
      const connections = this.#connectionsTo(peer.name, origin)
      const headers = { ...encodeUpload(request), 'content-type': ENTRIES_TYPE, accept: ANSWER_TYPE }
      if (peer.token !== undefined) Object.assign(headers, { authorization: `Bearer ${peer.token}` })
      const send = () => this.#send(connections, { path, headers, request, signal })
      // A kept-alive connection that the peer closed just as we sent is nobody's failure. Sending again is safe by numbers.
      return await send().catch((error: unknown) => {
        if (connections.isStale(error) && !this.#closed && !signal.aborted) return send()
        throw error
      })
    } catch (error) {
      throw failureFromThrown(error, peer.url)
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    const all = [...this.#peers.values()]
    this.#peers.clear()
    await Promise.all(all.map(({ pool }) => pool.destroy()))
  }

  #connectionsTo(name: string, origin: string): Connections {
    const there = this.#peers.get(name)
    if (there?.origin === origin) return there
    // The peer has another URL now. What is under way to the old one may end.
    void there?.pool.close()
    const connections = new Connections(origin, this.#limits, this.#lookUps.lookup)
    this.#peers.set(name, connections)
    return connections
  }

  async #send(
    { pool }: Connections,
    sending: { path: string; headers: Record<string, string>; request: UploadRequest; signal: AbortSignal }
  ): Promise<UploadAnswer> {
    const { path, headers, request, signal } = sending
    const { answerMsMax, bodyBytesPerSecondMin, connectMsMax, stallMsMax } = this.#limits
    const patience = new Patience(this.#deadlines, signal)
    try {
      if (patience.signal.aborted) throw patience.signal.reason
      const { entries } = request
      // Of a large body the peer may have to read all that it has.
      const bytes = request.blob?.total ?? entries.length
      const movingUntil = this.#clock.ticks() + (bytes * 1_000) / bodyBytesPerSecondMin
      const empty = entries.length === 0
      const atOnce = empty || (entries.length <= SMALL_BYTES_MAX && pool.stats.free > 0)
      if (empty) patience.await('a connection and the head of the answer', connectMsMax + answerMsMax)
      else if (atOnce) patience.await('the head of the answer', answerMsMax)
      let gone = false
      const sent = () => {
        gone = true
        patience.await('the head of the answer', answerMsMax)
      }
      const response = await pool.request({
        path,
        method: 'POST',
        headers: { ...headers, 'content-length': String(entries.length) },
        body: atOnce ? entries : watched(entries, sent),
        signal: patience.signal,
        // 102: bytes that our system took long ago are arriving. Believed for as long as the slowest body may take.
        onInfo: () => {
          if (this.#clock.ticks() < movingUntil) patience.await('the next sign of progress', answerMsMax)
        },
        headersTimeout: 0,
        bodyTimeout: stallMsMax
      })
      patience.await('the rest of the answer', answerMsMax)
      const answer = await this.#read(response, request).catch((error: unknown) => {
        // No second try: the peer may say the same again.
        throw failureFromThrown(error, 'the answer')
      })
      return gone ? { ...answer, unused: true } : answer
    } finally {
      patience.close()
    }
  }

  async #read(response: ResponseData, request: UploadRequest): Promise<UploadAnswer> {
    const { statusCode: status, headers, body } = response
    const bytes = Buffer.from(await body.arrayBuffer())
    const encoding = one(headers['content-encoding'])
    if (encoding !== undefined && encoding !== 'identity')
      throw new DroprError('PEER_PROTOCOL', `the answer is packed (${encoding.slice(0, 40)})`)
    const text = bytes.toString()
    if (status !== 200) {
      const retryAfter = one(headers['retry-after'])
      throw failureFromStatus({ status, retryAfter, text }, this.#limits, this.#clock.now())
    }
    const type = one(headers['content-type'])
    if (type?.split(';')[0]?.trim().toLowerCase() !== ANSWER_TYPE)
      throw new DroprError('PEER_PROTOCOL', `the answer is of type ${JSON.stringify(type?.slice(0, 80))}: not by dropr`)
    return decodeAnswer(text, request)
  }
}

function targetOf(peer: PeerAddress): PeerTarget {
  try {
    return peerTarget(peer.url)
  } catch (error) {
    // Thrown at the upload, not at the start, since the configuration was checked then. The URL may hold a secret: it is not told.
    throw uploadFailure('CONFIG_BAD', `peers.${peer.name}: ${(error as TypeError).message}`)
  }
}

/** One chunk, no copy. `sent` is called when the system has taken all of it. */
function watched(bytes: Buffer, sent: () => void): Readable {
  async function* chunks(): AsyncGenerator<Buffer> {
    yield bytes
    sent()
  }
  // undici takes any async iterable, though its types speak of streams; a Readable around this one costs more than it gives.
  return chunks() as unknown as Readable
}

function one(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header
}
