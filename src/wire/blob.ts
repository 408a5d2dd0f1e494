import { DroprError } from '../errors.ts'

/**
 * A piece of a large body, ahead of the message that owns it: the body of the request is bytes of that file, from `at` on. An
 * empty one asks how much is there.
 */
export interface BlobPiece {
  at: number
  /** Length of the whole. */
  total: number
  /** Of the whole, 64 hex digits. */
  sha256: string
}

export interface BlobAnswer {
  /** So much of it is there: where the sender goes on. */
  have: number
  /** `whole`: all of it, checked and synced. `refused`: never; the message is to be sent, to be refused with the reason. */
  state: (typeof BLOB_STATES)[number]
}

export const BLOB_PATH = 'v1/blob'
const BLOB_STATES = ['more', 'whole', 'refused'] as const

const PIECE = /^((?:0|[1-9][0-9]{0,14}))\/((?:0|[1-9][0-9]{0,14})) ([0-9a-f]{64})$/
const BYTES_MAX = 2 ** 48 - 1

/** The other way, for a header. */
export function encodeBlobPiece({ at, total, sha256 }: BlobPiece): string {
  return `${at}/${total} ${sha256}`
}

/** @throws DroprError REQUEST_BAD. */
export function decodeBlobPiece(text: string): BlobPiece {
  const [, at, total, sha256] = PIECE.exec(text) ?? []
  if (at === undefined) throw new DroprError('REQUEST_BAD', 'a piece of a large body must be "at/total sha256"')
  return { at: Number(at), total: Number(total), sha256: sha256! }
}

/** What is wrong with a piece of so many bytes. */
export function blobPieceFault({ at, total, sha256 }: BlobPiece, bytes: number): string | undefined {
  const isLength = (value: number) => Number.isInteger(value) && value >= 0 && value <= BYTES_MAX
  if (!isLength(at) || !isLength(total) || at + bytes > total) return 'a piece must lie inside of its body'
  return /^[0-9a-f]{64}$/.test(sha256) ? undefined : 'sha256 must be 64 hex digits'
}

/** Undefined when it is none. */
export function blobAnswerFrom(value: unknown, total: number): BlobAnswer | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { have, state } = value as { have?: unknown; state?: unknown }
  if (!Number.isInteger(have) || (have as number) < 0 || (have as number) > total) return undefined
  return BLOB_STATES.includes(state as BlobAnswer['state'])
    ? { have: have as number, state: state as BlobAnswer['state'] }
    : undefined
}
