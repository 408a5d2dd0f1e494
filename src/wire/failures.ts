import { DroprError, type ErrorCode } from '../errors.ts'
import { knownCode } from './answer.ts'
import { asRecord, parseSafeJson } from './safe-json.ts'
import { isPosition } from './upload.ts'
import { failureFromPeer, UploadFailure, uploadFailure } from './upload-failure.ts'

/** A socket on which nothing moved for too long. */
export class StalledError extends Error {
  readonly code = 'DROPR_STALLED'
}

const CODES: ReadonlyMap<string, ErrorCode> = new Map<string, ErrorCode>([
  ['DROPR_STALLED', 'PEER_TIMEOUT'],
  ['UND_ERR_HEADERS_TIMEOUT', 'PEER_TIMEOUT'],
  ['UND_ERR_BODY_TIMEOUT', 'PEER_TIMEOUT'],
  ['UND_ERR_RES_EXCEEDED_MAX_SIZE', 'PEER_PROTOCOL'],
  ['UND_ERR_HEADERS_OVERFLOW', 'PEER_PROTOCOL'],
  ['UND_ERR_RES_CONTENT_LENGTH_MISMATCH', 'PEER_PROTOCOL'],
  ['UND_ERR_DESTROYED', 'CLOSED'],
  ['UND_ERR_CLOSED', 'CLOSED']
])

const STATUS_CODES: ReadonlyMap<number, ErrorCode> = new Map<number, ErrorCode>([
  [401, 'PEER_FORBIDDEN'],
  [403, 'PEER_FORBIDDEN'],
  [408, 'PEER_TIMEOUT'],
  [429, 'SERVER_BUSY'],
  [502, 'PEER_UNREACHABLE'],
  [503, 'SERVER_BUSY'],
  [504, 'PEER_TIMEOUT'],
  [507, 'DISK_FULL']
])

/** What undici, node:net, node:tls or ourselves threw while the upload was on its way. */
export function failureFromThrown(error: unknown, url: string): UploadFailure {
  if (error instanceof UploadFailure) return error
  if (error instanceof DroprError) return new UploadFailure(error)
  const code = codeOf(error)
  const ours = CODES.get(code) ?? (isNotHttp(error) ? 'PEER_PROTOCOL' : 'PEER_UNREACHABLE')
  return uploadFailure(ours, `${url}: ${code} ${error instanceof Error ? error.message : String(error)}`.trim(), error)
}

/** An answer with another status than 200. Our own errors are told by their code; those of proxies by their status. */
export function failureFromStatus(
  answer: { status: number; retryAfter: string | undefined; text: string },
  limits: { retryMsMax: number },
  now: number
): UploadFailure {
  const { status } = answer
  const retryAfterMs = retryAfterFrom(answer.retryAfter, limits.retryMsMax, now)
  const { code, text, next } = ourError(answer.text)
  const known = knownCode(code)
  if (known !== undefined) {
    const said = typeof text === 'string' ? text.slice(0, 300) : `status ${status}`
    return failureFromPeer(known, said, { retryAfterMs, next: isPosition(next) ? next : undefined })
  }
  const ours = STATUS_CODES.get(status) ?? 'PEER_PROTOCOL'
  return new UploadFailure(new DroprError(ours, `the peer answered with status ${status}`), { retryAfterMs })
}

/** `Retry-After` in ms, 0 to `capMs`: seconds or a date. Undefined when it is neither. */
export function retryAfterFrom(value: string | undefined, capMs: number, now: number): number | undefined {
  if (value === undefined) return undefined
  const ms = /^\s*\d+\s*$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - now
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), capMs)
}

/** undici gives the first a code of its parser's or none, and the second no code of its own. */
function isNotHttp(error: unknown): boolean {
  return error instanceof Error && (error.name === 'HTTPParserError' || error.message === 'bad response')
}

function ourError(text: string): Readonly<Record<string, unknown>> {
  try {
    return asRecord(parseSafeJson(text)) ?? {}
  } catch {
    return {}
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}
