import { setMaxListeners } from 'node:events'
import {
  decodeAnswer,
  encodeAnswer,
  failureTold,
  type PeerAddress,
  type ReceiveUpload,
  type Transport,
  type UploadAnswer,
  type UploadRequest,
  uploadFailure
} from '../../src/conformance/index.ts'

/** A transport that a stranger might write: peers are functions of this process, found by name. */
export class InProcessTransport implements Transport {
  readonly #peers: ReadonlyMap<string, ReceiveUpload>
  readonly #open = new Set<(failure: Error) => void>()
  #closed = false

  constructor(peers: ReadonlyMap<string, ReceiveUpload>) {
    this.#peers = peers
  }

  async upload(peer: PeerAddress, request: UploadRequest, signal: AbortSignal): Promise<UploadAnswer> {
    const receive = this.#peers.get(peer.name)
    if (receive === undefined) throw uploadFailure('PEER_UNREACHABLE', `${peer.name} is not here`)
    if (this.#closed) throw uploadFailure('CLOSED', 'the transport was closed')
    if (signal.aborted) throw uploadFailure('ABORTED', 'the upload was given up')
    let abort: () => void = () => undefined
    let end: (failure: Error) => void = () => undefined
    const gone = new Promise<never>((_, reject) => {
      end = reject
      abort = () => reject(uploadFailure('ABORTED', 'the upload was given up'))
      // One signal may end many uploads.
      setMaxListeners(0, signal)
      signal.addEventListener('abort', abort)
    })
    this.#open.add(end)
    // Nothing is shared but bytes, as over a wire.
    const sent = { ...request, entries: Buffer.from(request.entries) }
    const answer = receive(sent, request.node).then(encodeAnswer, (error: unknown) => {
      throw failureTold(error)
    })
    try {
      return decodeAnswer(await Promise.race([answer, gone]), request)
    } finally {
      signal.removeEventListener('abort', abort)
      this.#open.delete(end)
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const reject of this.#open) reject(uploadFailure('CLOSED', 'the transport was closed'))
  }
}
