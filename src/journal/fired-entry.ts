import { withHeaders } from './attributes.ts'
import { dueEndAt } from './due.ts'
import { entryBytes, finishEntry, MESSAGE } from './entry.ts'
import { FLAG } from './entry-flags.ts'

/** The most that `writeFired` may need beyond the bytes of the entry that was held, without headers of its own. */
export const FIRED_BYTES_MORE = 256

/**
 * Writes a held message as it goes into the outbox: without its due part, sent `now`, with `headers` on top of its own, and
 * remembered by whoever receives it. Nothing but its headers is decoded, and those only where it has some.
 *
 * @param plain The attributes of one that has none of its own: `{"h":{...}}`.
 * @returns Where it ends.
 */
export function writeFired(
  held: { entry: Buffer; at: number },
  more: { now: number; plain: Buffer; headers: () => Readonly<Record<string, string>> },
  into: Buffer,
  at: number
): number {
  const { entry, at: from } = held
  const flags = entry[from + 9]!
  const idEnd = from + (flags & FLAG.idText ? 17 + entry[from + 16]! : 32)
  const dueAt = idEnd + (flags & FLAG.expires ? 6 : 0)
  const dueEnd = dueEndAt(entry, dueAt)
  let bodyAt = dueEnd
  let end = at + 16
  end = copyShort(entry, from + 16, dueAt, into, end)
  if (flags & FLAG.attributes) {
    bodyAt += 4 + entry.readUInt32LE(dueEnd)
    const text = withHeaders(entry, dueEnd, more.headers())
    const bytes = into.write(text, end + 4)
    end = into.writeUInt32LE(bytes, end) + bytes
  } else {
    end = into.writeUInt32LE(more.plain.length, end)
    end = copyShort(more.plain, 0, more.plain.length, into, end)
  }
  end += entry.copy(into, end, bodyAt, from + entryBytes(entry, from))
  into.writeUIntLE(more.now, at + 10, 6)
  return finishEntry(into, at, end, MESSAGE, (flags & ~FLAG.due) | FLAG.remembered | FLAG.attributes)
}

/** For some dozens of bytes a loop takes a tenth of what `copy` takes. Returns where they end. */
function copyShort(bytes: Buffer, from: number, to: number, into: Buffer, at: number): number {
  let end = at
  for (let i = from; i < to; i++) into[end++] = bytes[i]!
  return end
}
