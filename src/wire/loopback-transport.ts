import type { Limits } from '../limits.ts'
import type { Clock } from '../system/clock.ts'
import { decodeAnswer, encodeAnswer } from './answer.ts'
import { Deadlines } from './deadlines.ts'
import { failureFromThrown } from './failures.ts'
import type { LoopbackFault, LoopbackFaults } from './loopback-faults.ts'
import { Patience } from './patience.ts'
import type { PeerAddress, ReceiveUpload, Transport } from './transport.ts'
import type { UploadAnswer, UploadRequest } from './upload.ts'
import { failureTold, type UploadFailure, uploadFailure } from './upload-failure.ts'

export interface LoopbackOptions {
  clock: Clock
  limits: Pick<Limits, 'answerMsMax'>
  /** The receiver of this peer, asked at each upload; undefined while it is down. */
  receiverOf: (peer: PeerAddress) => ReceiveUpload | undefined
  faults?: LoopbackFaults
}

/** A wire inside one process, which loses, repeats, delays, reorders, cuts and damages what a fault hook says. */
export class LoopbackTransport implements Transport {
  readonly #options: LoopbackOptions
  readonly #deadlines: Deadlines
  readonly #open = new Set<(failure: UploadFailure) => void>()
  #closed = false

  constructor(options: LoopbackOptions) {
    this.#options = options
    this.#deadlines = new Deadlines(options.clock, options.limits.answerMsMax)
  }

  async upload(peer: PeerAddress, request: UploadRequest, signal: AbortSignal): Promise<UploadAnswer> {
    const { limits, faults } = this.#options
    if (this.#closed) throw closed()
    const patience = new Patience(this.#deadlines, signal)
    patience.await('the answer', limits.answerMsMax)
    try {
      return await new Promise<UploadAnswer>((resolve, reject) => {
        const gone = () => reject(patience.signal.reason as UploadFailure)
        if (patience.signal.aborted) gone()
        patience.signal.addEventListener('abort', gone)
        this.#open.add(reject)
        this.#carry(peer, request, faults?.(request) ?? {})
          .then(resolve, reject)
          .finally(() => this.#open.delete(reject))
      })
    } catch (error) {
      throw failureFromThrown(error, peer.url)
    } finally {
      patience.close()
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const reject of this.#open) reject(closed())
  }

  async #carry(peer: PeerAddress, sent: UploadRequest, fault: LoopbackFault): Promise<UploadAnswer> {
    const { clock } = this.#options
    // Its sender may use the memory again as soon as it has an answer, or waits for none any more.
    const isLate = fault.delayMs !== undefined || fault.repeatAfterMs !== undefined
    const request = isLate ? { ...sent, entries: Buffer.from(sent.entries) } : sent
    if (fault.delayMs !== undefined) await clock.sleep(fault.delayMs)
    if (fault.repeatAfterMs !== undefined)
      void clock
        .sleep(fault.repeatAfterMs)
        .then(() => this.#deliver(peer, request, fault))
        .catch(() => undefined)
    if (fault.loseRequest) return never()
    const answer = await this.#deliver(peer, request, fault)
    if (fault.answerDelayMs !== undefined) await clock.sleep(fault.answerDelayMs)
    if (fault.loseAnswer) return never()
    if (fault.cutAt !== undefined) throw uploadFailure('PEER_UNREACHABLE', 'the connection broke')
    return decodeAnswer(answer, request)
  }

  /** As over a wire: nothing is shared but bytes. */
  async #deliver(peer: PeerAddress, request: UploadRequest, fault: LoopbackFault): Promise<string> {
    const receive = this.#options.receiverOf(peer)
    if (receive === undefined) throw uploadFailure('PEER_UNREACHABLE', `${peer.name} is down`)
    const entries = Buffer.from(request.entries.subarray(0, fault.cutAt ?? request.entries.length))
    if (fault.flipAt !== undefined && fault.flipAt < entries.length) entries[fault.flipAt]! ^= 1 << (fault.flipAt % 8)
    const whole = request.whole && entries.length === request.entries.length
    try {
      return encodeAnswer(await receive({ ...request, entries, whole }, request.node))
    } catch (error) {
      throw failureTold(error)
    }
  }
}

function closed(): UploadFailure {
  return uploadFailure('CLOSED', 'the transport was closed')
}

function never(): Promise<never> {
  return new Promise(() => undefined)
}
