import { BODY_KINDS, type BodyKind } from '../message.ts'

/*
 * The body of a message whose real body lies in a file of its own (docs/format.md, body kind 3), 48 bytes:
 *
 *    0 u8 kind of that body (0 bytes, 1 text, 2 JSON)    1 u8 zero    2 u48 its length    8 its SHA-256    40 id: 8 random bytes
 */
export const BLOB_BYTES = 48
export const BLOB_ID_BYTES = 8

/** A body that is too large for an entry: what it is, and how the outbox of its sender names the file. */
export interface Blob {
  kind: BodyKind
  bytes: number
  /** 64 hex digits. */
  sha256: string
  /** 16 hex digits. */
  id: string
}

export function encodeBlob({ kind, bytes, sha256, id }: Blob): Buffer {
  const into = Buffer.alloc(BLOB_BYTES)
  into[0] = BODY_KINDS.indexOf(kind)
  into.writeUIntLE(bytes, 2, 6)
  into.write(sha256, 8, 32, 'hex')
  into.write(id, 40, BLOB_ID_BYTES, 'hex')
  return into
}

/** Of bytes in which `blobFault` found nothing. */
export function decodeBlob(bytes: Buffer, at = 0): Blob {
  return {
    kind: BODY_KINDS[bytes[at]!]!,
    bytes: bytes.readUIntLE(at + 2, 6),
    sha256: bytes.toString('hex', at + 8, at + 40),
    id: bytes.toString('hex', at + 40, at + BLOB_BYTES)
  }
}

export function blobFault(bytes: Buffer, at: number, end: number): string | undefined {
  if (end - at !== BLOB_BYTES) return `a large body is described by ${BLOB_BYTES} bytes, not ${end - at}`
  if (bytes[at]! >= BODY_KINDS.length || bytes[at + 1] !== 0) return `a large body of unknown kind ${bytes[at]}`
  return undefined
}
