import { isUtf8 } from 'node:buffer'

/** docs/cli.md: `body` where it is UTF-8, else `bodyBase64`. */
export function bodyJson(bytes: Buffer): { body: string } | { bodyBase64: string } {
  return isUtf8(bytes) ? { body: bytes.toString('utf8') } : { bodyBase64: bytes.toString('base64') }
}
