import { DroprError, ERRORS, type ErrorCode } from '../errors.ts'
import { isPosition, PROTOCOL_VERSION } from '../wire/upload.ts'
import { textForPeer, UploadFailure } from '../wire/upload-failure.ts'

/** An error as it goes out: status, headers, and small JSON without stack, path or anything of another peer's. */
export interface ErrorAnswer {
  status: number
  headers: Record<string, string>
  body: { code: ErrorCode; text: string; requestId: string; next?: number; versions?: number[] }
}

const RETRY_AFTER_SECONDS = 1

/** @param error A DroprError, an UploadFailure (its error and `next`), or a bug. */
export function errorAnswer(error: unknown, requestId: string, status?: number): ErrorAnswer {
  const typed = typedError(error)
  const { code } = typed
  const next = nextOf(error) ?? nextOf(typed)
  const body: ErrorAnswer['body'] = { code, text: textForPeer(typed), requestId }
  if (next !== undefined) body.next = next
  if (code === 'REQUEST_BAD') body.versions = [PROTOCOL_VERSION]
  const headers: Record<string, string> = { 'content-type': 'application/json', 'cache-control': 'no-store' }
  if (code === 'SERVER_BUSY') headers['retry-after'] = String(RETRY_AFTER_SECONDS)
  if (code === 'PEER_FORBIDDEN') headers['www-authenticate'] = 'Bearer'
  const own = error instanceof UploadFailure ? error.status : undefined
  return { status: status ?? own ?? ERRORS[code].http, headers, body }
}

export function typedError(error: unknown): DroprError {
  if (error instanceof DroprError) return error
  if (error instanceof Error && 'error' in error && error.error instanceof DroprError) return error.error
  return new DroprError('UNEXPECTED', error instanceof Error ? error.message : String(error), error)
}

function nextOf(error: unknown): number | undefined {
  return error instanceof Error && 'next' in error && isPosition(error.next) ? error.next : undefined
}

/** An error of ours as it is; of fastify's own only that the request is wrong. */
export function errorOf(error: unknown): unknown {
  return statusOf(error) === undefined ? error : new DroprError('REQUEST_BAD', 'the request cannot be taken as it is')
}

/** Of errors that are fastify's own and the sender's fault. */
export function statusOf(error: unknown): number | undefined {
  const { statusCode, code } = error as { statusCode?: unknown; code?: unknown }
  const fastifys = typeof code === 'string' && code.startsWith('FST_')
  return fastifys && typeof statusCode === 'number' && statusCode < 500 ? statusCode : undefined
}
