import { DroprError } from '../errors.ts'
import { decodeBlobPiece, encodeBlobPiece } from './blob.ts'
import { PROTOCOL_VERSION, SKIP_REASONS, type SkipReason, type UploadRequest } from './upload.ts'

/** Names of the HTTP headers of an upload (docs/protocol.md). */
export const HEADER = {
  version: 'dropr-version',
  origin: 'dropr-origin',
  node: 'dropr-node',
  stream: 'dropr-stream',
  channel: 'dropr-channel',
  priority: 'dropr-priority',
  from: 'dropr-from',
  settled: 'dropr-settled',
  nonce: 'dropr-nonce',
  skip: 'dropr-skip',
  removed: 'dropr-removed',
  blob: 'dropr-blob'
} as const

export type HeadersIn = Readonly<Record<string, string | string[] | undefined>>

const NUMBER = /^(?:0|[1-9][0-9]{0,14})$/
const SKIP = /^((?:0|[1-9][0-9]{0,14}))-((?:0|[1-9][0-9]{0,14})) ([a-z]+)$/
/** 120 bytes, each percent-encoded. */
const CHANNEL_CHARACTERS_MAX = 360

/** An upload as headers; its entries are the body. The channel is percent-encoded UTF-8, since headers are Latin-1. */
export function encodeUpload(request: UploadRequest): Record<string, string> {
  const headers: Record<string, string> = {
    [HEADER.version]: String(PROTOCOL_VERSION),
    [HEADER.origin]: request.origin,
    [HEADER.node]: request.node,
    [HEADER.stream]: request.stream,
    [HEADER.channel]: encodeURIComponent(request.channel),
    [HEADER.priority]: String(request.priority),
    [HEADER.from]: String(request.from),
    [HEADER.settled]: String(request.settled),
    [HEADER.nonce]: request.nonce
  }
  const { skip, removed, blob } = request
  if (blob !== undefined) headers[HEADER.blob] = encodeBlobPiece(blob)
  if (removed !== undefined) headers[HEADER.removed] = removed.join(',')
  if (skip) headers[HEADER.skip] = `${skip.from}-${skip.to} ${skip.reason}`
  return headers
}

/** How a request is read. `progress` tells its sender, who waits, that something is being done. */
export type Decode = (
  headers: HeadersIn,
  body: { bytes: Buffer; whole: boolean },
  progress: () => void
) => UploadRequest

/** Of a piece of a large body. @throws DroprError REQUEST_BAD, as below. */
export const decodeBlobUpload: Decode = (headers, body, progress) => {
  return { ...decodeUpload(headers, body), blob: decodeBlobPiece(text(headers, HEADER.blob)), progress }
}

/**
 * The other way. What the fields may hold is `checkUpload`'s to say: the receiver calls it for every transport.
 *
 * @throws DroprError REQUEST_BAD for a header that is missing, doubled or no number, and for another version.
 */
export function decodeUpload(headers: HeadersIn, body: { bytes: Buffer; whole: boolean }): UploadRequest {
  const version = text(headers, HEADER.version)
  if (version !== String(PROTOCOL_VERSION))
    throw new DroprError('REQUEST_BAD', `${HEADER.version} must be ${PROTOCOL_VERSION}, got ${shown(version)}`)
  const request: UploadRequest = {
    origin: text(headers, HEADER.origin),
    node: text(headers, HEADER.node),
    stream: text(headers, HEADER.stream),
    channel: channelOf(text(headers, HEADER.channel)),
    priority: number(headers, HEADER.priority),
    from: number(headers, HEADER.from),
    settled: number(headers, HEADER.settled),
    nonce: text(headers, HEADER.nonce),
    entries: body.bytes,
    whole: body.whole
  }
  if (headers[HEADER.skip] !== undefined) request.skip = skipOf(text(headers, HEADER.skip))
  if (headers[HEADER.removed] !== undefined) request.removed = text(headers, HEADER.removed).split(',')
  return request
}

function text(headers: HeadersIn, name: string): string {
  const value = headers[name]
  if (typeof value !== 'string') throw new DroprError('REQUEST_BAD', `header ${name} must be given once`)
  return value
}

function number(headers: HeadersIn, name: string): number {
  const value = text(headers, name)
  if (!NUMBER.test(value))
    throw new DroprError('REQUEST_BAD', `header ${name} must be a whole number, got ${shown(value)}`)
  return Number(value)
}

function channelOf(encoded: string): string {
  try {
    if (encoded.length <= CHANNEL_CHARACTERS_MAX) return decodeURIComponent(encoded)
  } catch {
    // Told below.
  }
  throw new DroprError(
    'REQUEST_BAD',
    `header ${HEADER.channel} must be percent-encoded UTF-8 of at most 120 bytes, got ${shown(encoded)}`
  )
}

function skipOf(value: string): { from: number; to: number; reason: SkipReason } {
  const [, from, to, reason] = SKIP.exec(value) ?? []
  if (from === undefined || !SKIP_REASONS.includes(reason as SkipReason))
    throw new DroprError('REQUEST_BAD', `header ${HEADER.skip} must be "from-to reason", got ${shown(value)}`)
  return { from: Number(from), to: Number(to), reason: reason as SkipReason }
}

function shown(value: string): string {
  return JSON.stringify(value.slice(0, 100))
}
