import { DroprError, ERRORS, type ErrorCode } from '../errors.ts'

/** Why an upload was not acknowledged. It may have arrived all the same: sending again is always safe. */
export class UploadFailure extends Error {
  readonly error: DroprError
  /** The peer asked to be left alone for so long. */
  readonly retryAfterMs: number | undefined
  /** STREAM_CONFLICT: how far the peer has this stream. */
  readonly next: number | undefined
  /** Of HTTP, where it is not the code's own. */
  readonly status: number | undefined

  constructor(
    error: DroprError,
    extra: { retryAfterMs?: number | undefined; next?: number | undefined; status?: number | undefined } = {}
  ) {
    super(error.message, { cause: error })
    this.name = 'UploadFailure'
    this.error = error
    this.retryAfterMs = extra.retryAfterMs
    this.next = extra.next
    this.status = extra.status
  }

  get code(): ErrorCode {
    return this.error.code
  }
}

export function uploadFailure(code: ErrorCode, text: string, cause?: unknown): UploadFailure {
  return new UploadFailure(new DroprError(code, text, cause))
}

/** Codes whose text was written for the other end. */
const TOLD: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'BLOB_MISSING',
  'CHANNEL_FORBIDDEN',
  'ENTRY_CORRUPT',
  'MESSAGE_MALFORMED',
  'MESSAGE_TOO_LARGE',
  'PEER_FORBIDDEN',
  'REQUEST_BAD',
  'SERVER_BUSY',
  'STREAM_CONFLICT'
])

/** What a peer may read of an error. Texts of most codes may name files of this node: their hint goes out instead. */
export function textForPeer(error: DroprError): string {
  return TOLD.has(error.code) ? error.message : error.hint
}

/** The receiver's "I am elsewhere in this stream". */
export function streamConflict(next: number, text: string): UploadFailure {
  return new UploadFailure(new DroprError('STREAM_CONFLICT', text), { next })
}

/**
 * A peer's refusal of a whole upload, as its sender must take it.
 *
 * Only "no such right" is for good. That the peer finds a request malformed says that one of the two programs is wrong, not
 * that the messages are: they wait.
 */
export function failureFromPeer(
  code: ErrorCode,
  text: string,
  extra: { retryAfterMs?: number | undefined; next?: number | undefined } = {}
): UploadFailure {
  const passes = ERRORS[code].retry || code === 'CHANNEL_FORBIDDEN'
  const error = passes
    ? new DroprError(code, text)
    : new DroprError('PEER_PROTOCOL', `the peer refused the upload: ${code}: ${text}`)
  return new UploadFailure(error, extra)
}

/** What a receiver threw, as its sender hears of it over any wire. What is no error of ours stays what it is. */
export function failureTold(thrown: unknown): unknown {
  if (thrown instanceof UploadFailure) return failureFromPeer(thrown.code, textForPeer(thrown.error), thrown)
  return thrown instanceof DroprError ? failureFromPeer(thrown.code, textForPeer(thrown)) : thrown
}
