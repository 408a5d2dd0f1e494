import { ERRORS, type ErrorCode } from '../errors.ts'
import { textForPeer } from '../wire/upload-failure.ts'
import { typedError } from './http-errors.ts'

/** An error for people and programs that are no nodes: RFC 9457. */
export interface Problem {
  type: string
  title: string
  status: number
  detail: string
  code: ErrorCode
  hint: string
  /** The same request may succeed later. */
  retry: boolean
  requestId: string
}

/** Codes whose text was written for whoever asked, besides those for peers. Others may name files of this node. */
const TOLD: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ABORTED',
  'BODY_NOT_JSON',
  'CHANNEL_EMPTY',
  'CHANNEL_NOT_EMPTY',
  'CLOSED',
  'DUE_GONE',
  'DUE_PAST',
  'DUE_UNKNOWN',
  'ID_REPEATED',
  'LEASE_LOST',
  'PEER_UNKNOWN'
])
const RETRY_AFTER_SECONDS = 1

/** @param more Members of its own, for an answer about several things. */
export function problemAnswer(
  error: unknown,
  requestId: string,
  given?: number
): { status: number; headers: Record<string, string>; body: Problem & Record<string, unknown> } {
  const typed = typedError(error)
  const { code, hint, retry } = typed
  const status = given ?? ERRORS[code].http
  const headers: Record<string, string> = { 'content-type': 'application/problem+json', 'cache-control': 'no-store' }
  if (status === 503) headers['retry-after'] = String(RETRY_AFTER_SECONDS)
  if (code === 'PEER_FORBIDDEN') headers['www-authenticate'] = 'Bearer'
  const detail = TOLD.has(code) ? typed.message : textForPeer(typed)
  const body = { type: `urn:dropr:error:${code}`, title: titleOf(code), status, detail, code, hint, retry, requestId }
  return { status, headers, body }
}

/** What of an error may be told, for one of several answers. */
export function problemPart(error: unknown): { code: ErrorCode; detail: string; retry: boolean; status: number } {
  const { code, detail, retry, status } = problemAnswer(error, '').body
  return { code, detail, retry, status }
}

function titleOf(code: ErrorCode): string {
  const words = code.toLowerCase().replaceAll('_', ' ')
  return words[0]!.toUpperCase() + words.slice(1)
}
