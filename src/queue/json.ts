import { DroprError } from '../errors.ts'
import type { JsonValue } from '../message.ts'
import { depthOf, parseSafeJson } from '../wire/safe-json.ts'

/** Deeper than people nest by hand; code that walks what it is given must not run out of stack (SEC-3). */
export const JSON_DEPTH_MAX = 64

/** A value that is too deep has at least so many brackets. */
const SHORTEST_TOO_DEEP = 2 * (JSON_DEPTH_MAX + 1)

/**
 * JSON from outside, with nothing in it that harms who walks or merges it.
 *
 * @throws DroprError BODY_NOT_JSON for anything else: also a key `__proto__`, or nesting deeper than `JSON_DEPTH_MAX`.
 */
export function parseJson(text: string): JsonValue {
  try {
    return parseSafeJson(text, JSON_DEPTH_MAX) as JsonValue
  } catch (error) {
    throw new DroprError('BODY_NOT_JSON', error instanceof Error ? error.message : 'not JSON', error)
  }
}

/**
 * What the receiver would refuse is refused here already, where its maker can see it.
 *
 * @throws TypeError when `value` has no JSON, or one that `parseJson` refuses.
 */
export function stringifyJson(value: unknown): string {
  const text: string | undefined = JSON.stringify(value)
  if (text === undefined) throw new TypeError(`body must be text, bytes or a JSON value, got ${typeof value}`)
  const deep = text.length >= SHORTEST_TOO_DEEP && depthOf(text) > JSON_DEPTH_MAX
  if (deep) throw new TypeError(`body must not be nested deeper than ${JSON_DEPTH_MAX}`)
  // JSON.stringify leaves these characters as they are: no escapes to look for.
  if (text.includes('"__proto__"')) checkKeys(text)
  return text
}

function checkKeys(text: string): void {
  try {
    parseSafeJson(text, JSON_DEPTH_MAX)
  } catch (error) {
    throw new TypeError('body must not hold the key __proto__', { cause: error })
  }
}
