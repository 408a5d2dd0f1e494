import { entriesIn, idsIn } from '../journal/ids-in.ts'
import type { Clock } from '../system/clock.ts'
import type { Log } from '../system/log.ts'
import { POINTS, type UploadMade } from '../system/points.ts'
import type { PeerAddress, Transport } from '../wire/transport.ts'
import type { UploadAnswer, UploadRequest } from '../wire/upload.ts'
import type { PeerTraffic } from './client-status.ts'
import { failureOf } from './failure.ts'

/** A debug line names so many ids at most. */
const IDS_MAX = 5_000

export interface ObservedTransportOptions {
  transport: Transport
  clock: Clock
  log: Log
  /** An upload was answered after so long. */
  onAnswer: (ms: number) => void
}

/** Counts what goes through a transport, and lets it be followed: metrics, `dropr:upload`, and at level debug a line a batch. */
export class ObservedTransport implements Transport {
  readonly #options: ObservedTransportOptions
  readonly #traffic = new Map<string, PeerTraffic>()

  constructor(options: ObservedTransportOptions) {
    this.#options = options
  }

  traffic(peer: string): PeerTraffic {
    const known = this.#traffic.get(peer)
    if (known !== undefined) return known
    const fresh: PeerTraffic = { uploads: 0, uploadsFailed: 0, retried: 0, lastAckAt: undefined }
    this.#traffic.set(peer, fresh)
    return fresh
  }

  async upload(peer: PeerAddress, request: UploadRequest, signal: AbortSignal): Promise<UploadAnswer> {
    const { transport, clock, onAnswer } = this.#options
    if (request.blob !== undefined) return await this.#piece(peer, request, signal)
    const traffic = this.traffic(peer.name)
    const began = clock.ticks()
    try {
      const answer = await transport.upload(peer, request, signal)
      const ms = clock.ticks() - began
      traffic.uploads++
      if (answer.next > request.from) traffic.lastAckAt = clock.now()
      onAnswer(ms)
      this.#tell(peer, request, { ms, next: answer.next })
      return answer
    } catch (error) {
      traffic.uploadsFailed++
      traffic.retried += entriesIn(request.entries)
      this.#tell(peer, request, { ms: clock.ticks() - began, next: undefined, code: failureOf(error).code })
      throw error
    }
  }

  /** A piece of a large body is no message: what counts is that it moves. */
  async #piece(peer: PeerAddress, request: UploadRequest, signal: AbortSignal): Promise<UploadAnswer> {
    const { transport, clock } = this.#options
    const traffic = this.traffic(peer.name)
    try {
      const answer = await transport.upload(peer, request, signal)
      if (request.entries.length > 0) traffic.lastAckAt = clock.now()
      return answer
    } catch (error) {
      traffic.uploadsFailed++
      throw error
    }
  }

  /** The caller's to close. */
  close(): Promise<void> {
    return Promise.resolve()
  }

  #tell(
    peer: PeerAddress,
    request: UploadRequest,
    how: { ms: number; next: number | undefined; code?: string | undefined }
  ): void {
    const { log } = this.#options
    if (log.debugs !== true && !POINTS.upload.on) return
    const { channel, stream, from, entries } = request
    const made: UploadMade = {
      peer: peer.name,
      channel,
      stream,
      from,
      next: how.next,
      bytes: entries.length,
      ms: how.ms,
      code: how.code
    }
    if (POINTS.upload.on) POINTS.upload.publish(made)
    if (log.debugs === true) log.debug({ ...made, ids: idsIn(entries, IDS_MAX) }, 'uploaded')
  }
}
