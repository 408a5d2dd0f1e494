import type { Stored } from '../message.ts'
import { BLOB_BYTES, type Blob, decodeBlob } from './blob-entry.ts'
import { entryBytes, MESSAGE } from './entry.ts'
import { FLAG } from './entry-flags.ts'
import type { Frame } from './frame.ts'

/** Whether the body of the message at `at` lies in a file of its own. */
export function hasBlob(bytes: Buffer, at: number): boolean {
  return (bytes[at + 9]! & FLAG.bodyKind) === FLAG.bodyKind && bytes[at + 8] === MESSAGE
}

/** What its file is; undefined for most messages, whose body is in them. The entry was checked before. */
export function blobOf(bytes: Buffer, at: number): Blob | undefined {
  return hasBlob(bytes, at) ? decodeBlob(bytes, at + entryBytes(bytes, at) - BLOB_BYTES) : undefined
}

/** Those of the messages in a frame. */
export function blobsIn({ kind, payload }: Pick<Frame, 'kind' | 'payload'>): Blob[] {
  const found: Blob[] = []
  for (let at = 0; kind === 'data' && at < payload.length; at += entryBytes(payload, at)) {
    const blob = blobOf(payload, at)
    if (blob !== undefined) found.push(blob)
  }
  return found
}

/** How long the body of a message is, wherever it lies. */
export function bodyBytesOf({ body, blob }: Stored): number {
  return blob?.bytes ?? body.length
}
