import { attributesText, withHeaders } from './attributes.ts'
import { entryBytes, finishEntry, MESSAGE } from './entry.ts'
import { FLAG } from './entry-flags.ts'

/** The same message, whose id its receiver is to remember: sent twice, it counts once. */
export function rememberedEntry(entry: Buffer): Buffer {
  if (entry[9]! & FLAG.remembered) return entry
  const into = Buffer.from(entry)
  finishEntry(into, 0, into.length, MESSAGE, entry[9]! | FLAG.remembered)
  return into
}

/** The same message with one more header, or another value of it. */
export function entryWithHeader(entry: Buffer, name: string, value: string): Buffer {
  const flags = entry[9]!
  const idEnd = flags & FLAG.idText ? 17 + entry[16]! : 32
  const attributesAt = idEnd + (flags & FLAG.expires ? 6 : 0)
  const had = (flags & FLAG.attributes) !== 0
  const bodyAt = had ? attributesAt + 4 + entry.readUInt32LE(attributesAt) : attributesAt
  const header = { [name]: value }
  const text = had ? withHeaders(entry, attributesAt, header) : attributesText({ headers: header })
  const more = Buffer.alloc(4 + Buffer.byteLength(text))
  more.writeUInt32LE(more.write(text, 4))
  const into = Buffer.concat([entry.subarray(0, attributesAt), more, entry.subarray(bodyAt, entryBytes(entry, 0))])
  finishEntry(into, 0, into.length, MESSAGE, flags | FLAG.attributes)
  return into
}
