import { DroprError, ERRORS, type ErrorCode } from '../errors.ts'
import { blobAnswerFrom } from './blob.ts'
import { asRecord, parseSafeJson } from './safe-json.ts'
import { isPosition, type Refusal, type UploadAnswer, type UploadRequest } from './upload.ts'

const DETAIL_CHARACTERS_MAX = 200
const ID_CHARACTERS_MAX = 255

export function encodeAnswer(answer: UploadAnswer): string {
  const refused = answer.refused.map(({ at, id, code, detail }) => ({
    at,
    id,
    code,
    detail: detail.slice(0, DETAIL_CHARACTERS_MAX)
  }))
  const { stream, nonce, next, removed, blob } = answer
  return JSON.stringify({ stream, nonce, next, refused, ...(removed && { removed }), ...(blob && { blob }) })
}

/**
 * An answer to `request`, checked: it counts only if it repeats the stream and the nonce.
 *
 * @throws DroprError PEER_PROTOCOL.
 */
export function decodeAnswer(text: string, request: Pick<UploadRequest, 'stream' | 'nonce' | 'blob'>): UploadAnswer {
  let value: unknown
  try {
    value = parseSafeJson(text)
  } catch (error) {
    throw new DroprError('PEER_PROTOCOL', 'the answer is not JSON that can be believed', error)
  }
  const answer = asRecord(value)
  if (answer === undefined) throw wrong('it is no object')
  const { stream, nonce, next, refused, removed } = answer
  if (stream !== request.stream) throw wrong('it is about another stream')
  if (nonce !== request.nonce) throw wrong('it is about another request')
  if (!isPosition(next)) throw wrong('`next` is no position')
  if (!Array.isArray(refused)) throw wrong('`refused` is no list')
  const blob = request.blob && blobAnswerFrom(answer.blob, request.blob.total)
  if (request.blob !== undefined && blob === undefined) throw wrong('it does not say how much of the body is there')
  return {
    stream: request.stream,
    nonce: request.nonce,
    next,
    ...(blob && { blob }),
    refused: refused.map(one => refusal(one, next)),
    // Compared with what was asked: anything else in it does nothing.
    ...(Array.isArray(removed) && { removed: removed.filter(name => typeof name === 'string') })
  }
}

/** A code that this version knows, or undefined. */
export function knownCode(code: unknown): ErrorCode | undefined {
  return typeof code === 'string' && Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : undefined
}

function refusal(value: unknown, next: number): Refusal {
  const { at, id, code, detail } = asRecord(value) ?? {}
  if (!isPosition(at) || at >= next) throw wrong('a refusal lies above `next`')
  if (typeof id !== 'string' || typeof code !== 'string' || typeof detail !== 'string')
    throw wrong('a refusal is no refusal')
  const known = knownCode(code)
  return {
    at,
    id: id.slice(0, ID_CHARACTERS_MAX),
    // A newer peer may refuse for reasons that have no name here yet; that it refuses for good is all that counts.
    code: known ?? 'MESSAGE_MALFORMED',
    detail: (known ? detail : `${code.slice(0, 40)}: ${detail}`).slice(0, DETAIL_CHARACTERS_MAX)
  }
}

function wrong(text: string): DroprError {
  return new DroprError('PEER_PROTOCOL', `the answer does not belong to this upload: ${text}`)
}
