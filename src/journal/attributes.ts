import type { Headers } from '../message.ts'
import { FLAG } from './entry-flags.ts'

/** `{"r":`, with which the attributes of a message begin that wants a receipt: told apart without reading JSON. */
const RECEIPT = Buffer.from('{"r":1', 'latin1')

/** The attributes of a message: JSON. `r` stands first. */
export function attributesText(headers: Headers | undefined, receipt: boolean): string {
  return JSON.stringify({ ...(receipt && { r: 1 }), ...(headers !== undefined && { h: headers }) })
}

/** Attributes are an object; `h` holds the headers. What a newer peer adds beside it is left alone. */
export function attributesFrom(text: string): Headers | undefined {
  let attributes: unknown
  try {
    attributes = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof attributes !== 'object' || attributes === null) return undefined
  const given = Object.hasOwn(attributes, 'h') ? (attributes as { h: unknown }).h : {}
  if (typeof given !== 'object' || given === null) return undefined
  const headers: Record<string, string> = Object.create(null)
  for (const [name, value] of Object.entries(given)) {
    if (typeof value !== 'string') return undefined
    headers[name] = value
  }
  return headers
}

/** Whether the message at `at` wants its sender to hear what became of it. Only those with attributes cost a look. */
export function wantsReceipt(bytes: Buffer, at: number): boolean {
  const flags = bytes[at + 9]!
  if (!(flags & FLAG.attributes) || flags & FLAG.due) return false
  const idEnd = at + (flags & FLAG.idText ? 17 + bytes[at + 16]! : 32)
  return attributesWant(bytes, idEnd + (flags & FLAG.expires ? 6 : 0))
}

/** The same of the attributes that begin at `at`. */
export function attributesWant(bytes: Buffer, at: number): boolean {
  return (
    bytes.readUInt32LE(at) > RECEIPT.length &&
    bytes.compare(RECEIPT, 0, RECEIPT.length, at + 4, at + 4 + RECEIPT.length) === 0
  )
}
