import type { UploadAnswer, UploadRequest } from './upload.ts'

/** Where a peer is. A peer of the configuration fits. */
export interface PeerAddress {
  name: string
  /** `http:` or `https:`, without credentials; a path is kept in front of ours. */
  url: string
  token?: string | undefined
}

/** How uploads reach peers. Every transport passes the cases of `dropr/conformance`. */
export interface Transport {
  /**
   * Resolves with the peer's answer: what lies below its `next` is synced there.
   * Rejects with an UploadFailure, in bounded time unless bytes are moving; with code ABORTED as soon as `signal` aborts.
   */
  upload(peer: PeerAddress, request: UploadRequest, signal: AbortSignal): Promise<UploadAnswer>
  /** Gives up what is under way (code CLOSED) and lets go of connections. */
  close(): Promise<void>
}

/** The receiving end, free of HTTP. `peer` is who sent it, as far as it was proven. Rejects with UploadFailure or DroprError. */
export type ReceiveUpload = (request: UploadRequest, peer: string) => Promise<UploadAnswer>
