import type { Draft, Headers } from '../message.ts'
import { dueEndAt } from './due.ts'
import { FLAG } from './entry-flags.ts'

/*
 * The attributes of a message: u32 count + JSON `{ "r": 1, "k": key, "h": { header: value } }`, each only where there is one, in
 * this order: whether its sender wants to hear of it, and its key, are found without reading the rest. What a newer peer adds
 * behind is left alone.
 */
export interface Attributes {
  headers: Headers
  key: string | undefined
}

const RECEIPT = Buffer.from('{"r":1', 'latin1')
const KEY_FIRST = Buffer.from('{"k":"', 'latin1')
const KEY_SECOND = Buffer.from('{"r":1,"k":"', 'latin1')
const QUOTE = 0x22
const BACKSLASH = 0x5c
const NO_HEADERS: Headers = Object.freeze(Object.create(null))
export const NO_ATTRIBUTES: Attributes = Object.freeze({ headers: NO_HEADERS, key: undefined })

type Attributed = Pick<Draft, 'headers' | 'key' | 'receipt'>

export function hasAttributes({ headers, key, receipt }: Attributed): boolean {
  return headers !== undefined || key !== undefined || receipt !== undefined
}

export function attributesText({ headers, key, receipt }: Attributed): string {
  return JSON.stringify({ r: receipt && 1, k: key, h: headers })
}

/** Those that begin, with their count, at `at`. */
export function attributesAt(bytes: Buffer, at: number): Attributes {
  return attributesFrom(textAt(bytes, at)) ?? NO_ATTRIBUTES
}

/** The same with more headers, as text; whatever else is in them stays. */
export function withHeaders(bytes: Buffer, at: number, more: Headers): string {
  const text = textAt(bytes, at)
  const headers = attributesFrom(text)?.headers
  if (headers === undefined) return attributesText({ headers: more })
  return JSON.stringify({ ...(JSON.parse(text) as object), h: { ...headers, ...more } })
}

/** Undefined when they are none. */
export function attributesFrom(text: string): Attributes | undefined {
  let attributes: unknown
  try {
    attributes = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof attributes !== 'object' || attributes === null) return undefined
  const { h, k } = attributes as { h?: unknown; k?: unknown }
  const given = Object.hasOwn(attributes, 'h') ? h : {}
  if (typeof given !== 'object' || given === null) return undefined
  const headers: Record<string, string> = Object.create(null)
  for (const [name, value] of Object.entries(given)) {
    if (typeof value !== 'string') return undefined
    headers[name] = value
  }
  return { headers, key: typeof k === 'string' ? k : undefined }
}

/** Whether the message at `at` wants its sender to hear what became of it. Only those with attributes cost a look. */
export function wantsReceipt(bytes: Buffer, at: number): boolean {
  const flags = bytes[at + 9]!
  if (!(flags & FLAG.attributes) || flags & FLAG.due) return false
  return attributesWant(bytes, attributesPlace(bytes, at))
}

/** The same of the attributes that begin at `at`. */
export function attributesWant(bytes: Buffer, at: number): boolean {
  return beginWith(bytes, at, RECEIPT)
}

/** The key of the message at `at`, as its bytes stand in the JSON: equal for equal keys. Undefined when it has none. */
export function keyBytes(bytes: Buffer, at: number): Buffer | undefined {
  if (!(bytes[at + 9]! & FLAG.attributes)) return undefined
  const place = attributesPlace(bytes, at)
  const begin = [KEY_FIRST, KEY_SECOND].find(one => beginWith(bytes, place, one))
  if (begin === undefined) return undefined
  const from = place + 4 + begin.length
  const end = place + 4 + bytes.readUInt32LE(place)
  let to = from
  while (to < end && bytes[to] !== QUOTE) to += bytes[to] === BACKSLASH ? 2 : 1
  return bytes.subarray(from, Math.min(to, end))
}

/** How many bytes the attributes of the message at `at` take, 0 for none: what headers it has cannot be larger. */
export function attributesBytes(bytes: Buffer, at: number): number {
  return bytes[at + 9]! & FLAG.attributes ? bytes.readUInt32LE(attributesPlace(bytes, at)) : 0
}

function attributesPlace(bytes: Buffer, at: number): number {
  const flags = bytes[at + 9]!
  const idEnd = at + (flags & FLAG.idText ? 17 + bytes[at + 16]! : 32)
  const dueAt = idEnd + (flags & FLAG.expires ? 6 : 0)
  return flags & FLAG.due ? dueEndAt(bytes, dueAt) : dueAt
}

function beginWith(bytes: Buffer, at: number, begin: Buffer): boolean {
  return (
    bytes.readUInt32LE(at) > begin.length && bytes.compare(begin, 0, begin.length, at + 4, at + 4 + begin.length) === 0
  )
}

function textAt(bytes: Buffer, at: number): string {
  return bytes.toString('utf8', at + 4, at + 4 + bytes.readUInt32LE(at))
}
