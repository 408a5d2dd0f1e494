import { DroprError, diskError, type ErrorCode } from '../errors.ts'

/** Why an upload failed, as far as it matters for what comes next. */
export interface Failure {
  code: ErrorCode
  text: string
  /** Whose trouble it is: these codes say that the peer did not answer as a dropr server, the others that it said no. */
  scope: 'peer' | 'stream'
  retryAfterMs: number | undefined
  /** Where the peer is in this stream, when it said so (409). */
  next: number | undefined
}

const PEER_CODES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ABORTED',
  'CLOSED',
  'CONFIG_BAD',
  'OWNER_UNREACHABLE',
  'PEER_FORBIDDEN',
  'PEER_PROTOCOL',
  'PEER_TIMEOUT',
  'PEER_UNKNOWN',
  'PEER_UNREACHABLE',
  'UNEXPECTED'
])

/** @param error What a transport rejected with: an UploadFailure, a DroprError, or a bug. */
export function failureOf(error: unknown): Failure {
  const carried: Partial<Record<'error' | 'retryAfterMs' | 'next', unknown>> =
    typeof error === 'object' && error !== null ? error : {}
  const inner = error instanceof DroprError ? error : carried.error
  const code = inner instanceof DroprError ? inner.code : 'UNEXPECTED'
  return {
    code,
    text: inner instanceof Error ? inner.message : String(inner ?? error),
    scope: PEER_CODES.has(code) ? 'peer' : 'stream',
    retryAfterMs: numberOr(carried.retryAfterMs),
    next: numberOr(carried.next)
  }
}

/** Trouble on this side: the stream cannot be read, or an answer not be recorded. It delays that stream only. */
export function localFailure(error: unknown, doing: string): Failure {
  const typed = diskError(error, doing)
  return { code: typed.code, text: typed.message, scope: 'stream', retryAfterMs: undefined, next: undefined }
}

function numberOr(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined
}
