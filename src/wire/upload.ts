import { DroprError, type ErrorCode } from '../errors.ts'
import { LIMITS } from '../limits.ts'
import { PRIORITY } from '../message.ts'
import { checkChannel, checkPeer } from '../names.ts'
import { type BlobAnswer, type BlobPiece, blobPieceFault } from './blob.ts'

/** Why positions of a stream will never be sent. */
export const SKIP_REASONS = ['damaged', 'expired', 'cancelled', 'gone'] as const
export type SkipReason = (typeof SKIP_REASONS)[number]

/** A range of one stream on its way to a peer: entries, or the open statement that there will be none. */
export interface UploadRequest {
  /** Spool id of the sender, 32 hex digits. */
  origin: string
  /** Name of the sending node. */
  node: string
  /** 32 hex digits. */
  stream: string
  channel: string
  priority: number
  /** Position of the first entry, or of the skip. */
  from: number
  /** Any 16 to 64 characters of `A-Z a-z 0-9 _ -`, new for each try: the answer repeats it. */
  nonce: string
  /** The sender has durably noted every answer below this position: refusals below it need not be repeated. */
  settled: number
  /** Streams to this peer that the sender has removed, durably: nothing of them will come again. */
  removed?: readonly string[]
  /** Positions [from, to) are skipped. Then `entries` is empty. */
  skip?: { from: number; to: number; reason: SkipReason }
  /** `entries` is no entries but a piece of the large body of the message at `from`, which has to be there before it. */
  blob?: BlobPiece
  /** Whole entries as they lie on disk. */
  entries: Buffer
  /** False: the body was cut on the way, `entries` holds what came. */
  whole: boolean
  /** At the receiver: tells the sender, who waits, that something is being done. */
  progress?: () => void
}

/** One message that the receiver will never take. Its sender moves it to its dead letters. */
export interface Refusal {
  at: number
  /** Empty when the entry does not say. */
  id: string
  code: ErrorCode
  detail: string
}

export interface UploadAnswer {
  stream: string
  nonce: string
  /** Positions below this are on the receiver's disk, or refused, or skipped: whatever they were, they are settled there. */
  next: number
  refused: Refusal[]
  /** Of the streams that the request said are removed: those of which the receiver has that on its disk, or knows nothing. */
  removed?: readonly string[]
  /** To a piece of a large body. */
  blob?: BlobAnswer
  /** At the sender: the transport will not read the entries again. One that cannot tell does not say so. */
  unused?: boolean
}

export const PROTOCOL_VERSION = 1
export const UPLOAD_PATH = 'v1/upload'
export const ENTRIES_TYPE = 'application/octet-stream'
export const ANSWER_TYPE = 'application/vnd.dropr.answer+json'

/** What any server takes in one body: a range of the largest `rangeBytesMax`, or one message of the largest `messageBytesMax`. */
export const UPLOAD_BYTES_MAX = Math.max(LIMITS.rangeBytesMax.max, LIMITS.messageBytesMax.max) + 1_048_576

/** Refusals that one answer lists. Where there are more, its `next` ends before the first one left out. */
export const REFUSALS_MAX = 2_000

/** Removed streams that one upload names. */
export const REMOVED_MAX = 64

const HEX_32 = /^[0-9a-f]{32}$/
const NONCE = /^[A-Za-z0-9_-]{16,64}$/
const POSITION_MAX = 2 ** 48 - 1

/**
 * Everything that can be said of an upload without looking at its entries or its sender.
 *
 * @throws DroprError REQUEST_BAD, naming the field.
 */
export function checkUpload(request: UploadRequest): void {
  const { origin, node, stream, channel, priority, from, nonce, settled, skip, entries, removed = [] } = request
  if (!HEX_32.test(origin)) bad('origin must be 32 hex digits')
  if (!HEX_32.test(stream)) bad('stream must be 32 hex digits')
  if (!NONCE.test(nonce)) bad('nonce must be 16 to 64 characters of A-Z a-z 0-9 _ -')
  if (!Number.isInteger(priority) || priority < PRIORITY.min || priority > PRIORITY.max)
    bad(`priority must be a whole number from ${PRIORITY.min} to ${PRIORITY.max}`)
  if (removed.length > REMOVED_MAX || !removed.every(name => HEX_32.test(name)))
    bad(`removed must be at most ${REMOVED_MAX} streams`)
  if (!isPosition(from)) bad('from must be a position')
  if (!isPosition(settled)) bad('settled must be a position')
  try {
    checkPeer(node, 'node')
    checkChannel(channel)
  } catch (error) {
    bad((error as TypeError).message)
  }
  if (request.blob !== undefined) {
    const fault = skip === undefined ? blobPieceFault(request.blob, entries.length) : 'a piece of a body skips nothing'
    if (fault !== undefined) bad(fault)
    return
  }
  if (skip === undefined) {
    if (entries.length === 0) bad('an upload without a skip must hold entries')
    return
  }
  if (entries.length > 0) bad('an upload with a skip must hold no entries')
  if (skip.from !== from) bad('skip must begin at from')
  if (!isPosition(skip.to) || skip.to <= skip.from) bad('skip must end above its beginning')
  if (!SKIP_REASONS.includes(skip.reason)) bad(`skip must say why: ${SKIP_REASONS.join(', ')}`)
}

export function isPosition(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= POSITION_MAX
}

function bad(text: string): never {
  throw new DroprError('REQUEST_BAD', text)
}
