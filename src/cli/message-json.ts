import { isUtf8 } from 'node:buffer'
import type { Stored } from '../message.ts'

/** As `bodyJson`; of a large body, which is a file, only its length. */
export function storedJson({ body, blob }: Stored): object {
  return blob === undefined ? bodyJson(body) : { bodyBytes: blob.bytes }
}

/** The body as it is printed below what else is known of a message. */
export function storedBody({ body, blob }: Stored): Buffer {
  return blob === undefined ? body : Buffer.from(`(a file of ${blob.bytes} bytes, SHA-256 ${blob.sha256})`)
}

/** docs/cli.md: `body` where it is UTF-8, else `bodyBase64`. */
export function bodyJson(bytes: Buffer): { body: string } | { bodyBase64: string } {
  return isUtf8(bytes) ? { body: bytes.toString('utf8') } : { bodyBase64: bytes.toString('base64') }
}
