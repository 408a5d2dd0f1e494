import { DroprError } from '../errors.ts'
import type { RouteRequest } from '../server/route.ts'
import { decodeHeaderText } from './header-text.ts'

/** What came in texts of a query or of headers, as values. */

/** A duration or a time: digits are milliseconds, anything else, like `10s`, stays a text. */
export function durationOf(text: string | undefined): number | string | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : text
}

/** @throws TypeError naming it. */
export function numberOf(text: string | undefined, name: string): number | undefined {
  if (text === undefined) return undefined
  if (!/^\d{1,15}$/.test(text))
    throw new TypeError(`${name} must be a whole number, got ${JSON.stringify(text.slice(0, 50))}`)
  return Number(text)
}

/** @throws TypeError naming it. */
export function booleanOf(text: string | undefined, name: string): boolean | undefined {
  if (text === undefined) return undefined
  if (text !== 'true' && text !== 'false') throw new TypeError(`${name} must be true or false`)
  return text === 'true'
}

/** `Idempotency-Key`: the id of what is sent, with or without the quotes of its draft standard. */
export function idempotencyKey({ headers }: RouteRequest): string | undefined {
  const given = headers['idempotency-key']
  if (given === undefined) return undefined
  const [, quoted] = /^"(.*)"$/.exec(String(given)) ?? []
  return decodeHeaderText(quoted ?? String(given), 'idempotency-key')
}

/** @throws TypeError when it is not standard base64. */
export function bytesOf(base64: string): Buffer {
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(base64))
    throw new TypeError('bodyBase64 must be base64, padded, without line breaks')
  return Buffer.from(base64, 'base64')
}

/** Only what was given: an option that is undefined is no option. */
export function defined<T extends object>(given: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as ReturnType<
    typeof defined<T>
  >
}

/** Lets an error of one thing among several stand for itself. */
export function asError(error: unknown): unknown {
  return error instanceof TypeError ? new DroprError('REQUEST_BAD', error.message, error) : error
}
