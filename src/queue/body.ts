import { DroprError } from '../errors.ts'
import type { BodyKind, Draft } from '../message.ts'
import { stringifyJson } from './json.ts'

/**
 * The draft of a message with this body, and nothing else in it yet.
 *
 * Strings and bytes go as they are; any other value is stringified here, once. Refused rather than turned into `{}` are
 * things that JSON.stringify makes nothing of: a promise (a forgotten `await`), a Map, a Set, a stream, a raw ArrayBuffer.
 *
 * @throws TypeError for such a value; DroprError MESSAGE_TOO_LARGE above `bytesMax`.
 */
export function draftOf(body: unknown, sentAt: number, bytesMax: number): Draft {
  if (typeof body === 'string') {
    if (!body.isWellFormed()) throw new TypeError('body must be well-formed Unicode: send bytes instead')
    return sized(body, 'text', sentAt, bytesMax)
  }
  if (body instanceof Uint8Array) {
    if (body.byteLength > bytesMax) throw tooLarge(body.byteLength, bytesMax)
    return fresh('bytes', body, sentAt)
  }
  if (typeof body === 'object' && body !== null) checkPlain(body)
  return sized(stringifyJson(body), 'json', sentAt, bytesMax)
}

function sized(text: string, kind: BodyKind, sentAt: number, bytesMax: number): Draft {
  // No UTF-16 unit takes more than three bytes: most texts need not be measured.
  if (text.length * 3 > bytesMax) {
    const bytes = Buffer.byteLength(text)
    if (bytes > bytesMax) throw tooLarge(bytes, bytesMax)
  }
  return fresh(kind, text, sentAt)
}

/** With every field that may be set later: to copy an object and add one to it costs ten times as much as to replace one. */
function fresh(kind: BodyKind, body: Draft['body'], sentAt: number): Draft {
  const nothing = undefined
  return {
    id: nothing,
    sentAt,
    expiresAt: nothing,
    headers: nothing,
    receipt: nothing,
    key: nothing,
    due: nothing,
    kind,
    body
  }
}

function tooLarge(bytes: number, bytesMax: number): DroprError {
  return new DroprError('MESSAGE_TOO_LARGE', `a body of ${bytes} bytes is above messageBytesMax ${bytesMax}`)
}

function checkPlain(body: object): void {
  if (Array.isArray(body) || 'toJSON' in body) return
  const prototype: unknown = Object.getPrototypeOf(body)
  if (prototype === Object.prototype || prototype === null) return
  const name = body.constructor?.name ?? 'an object'
  if (ArrayBuffer.isView(body) || body instanceof ArrayBuffer || body instanceof SharedArrayBuffer) {
    throw new TypeError(`body must be text, bytes as a Uint8Array, or a JSON value, got ${name}`)
  }
  const opaque = body instanceof Map || body instanceof Set || body instanceof Error || Symbol.asyncIterator in body
  if (opaque || 'then' in body) {
    throw new TypeError(
      `body must be text, bytes or a JSON value, got ${name}${'then' in body ? ': await it first' : ''}`
    )
  }
}
