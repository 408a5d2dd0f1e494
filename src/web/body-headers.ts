import type { BodyKind } from '../message.ts'

/** Of a body that is given as it is. */
export const BODY_TYPES: Readonly<Record<BodyKind, string>> = {
  text: 'text/plain; charset=utf-8',
  json: 'application/json',
  bytes: 'application/octet-stream'
}

/** Never a page of ours: what is inside comes from anywhere. */
export const SAFE_BODY = { 'content-security-policy': "default-src 'none'; sandbox" } as const
