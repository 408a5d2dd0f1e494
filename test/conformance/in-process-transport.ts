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
  readonly #closed = new AbortController()

  constructor(peers: ReadonlyMap<string, ReceiveUpload>) {
    this.#peers = peers
  }

  async upload(peer: PeerAddress, request: UploadRequest, signal: AbortSignal): Promise<UploadAnswer> {
    const receive = this.#peers.get(peer.name)
    if (receive === undefined) throw uploadFailure('PEER_UNREACHABLE', `${peer.name} is not here`)
    const gone = new Promise<never>((_, reject) => {
      const end = (from: AbortSignal, code: 'ABORTED' | 'CLOSED') => {
        const told = () => reject(uploadFailure(code, 'the upload was given up'))
        if (from.aborted) told()
        else from.addEventListener('abort', told, { once: true })
      }
      end(this.#closed.signal, 'CLOSED')
      end(signal, 'ABORTED')
    })
    gone.catch(() => undefined)
    if (signal.aborted || this.#closed.signal.aborted) return gone
    // Nothing is shared but bytes, as over a wire.
    const sent = { ...request, entries: Buffer.from(request.entries) }
    const answer = receive(sent, request.node).then(encodeAnswer, (error: unknown) => {
      throw failureTold(error)
    })
    return decodeAnswer(await Promise.race([answer, gone]), request)
  }

  async close(): Promise<void> {
    this.#closed.abort()
  }
}
