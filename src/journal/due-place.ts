import { MESSAGE } from './entry.ts'
import { FLAG } from './entry-flags.ts'

/** Where the id of a message and its due part lie; undefined when it has no due part. For those who read many. */
export function duePlace(bytes: Buffer, at: number): { idAt: number; idEnd: number; dueAt: number } | undefined {
  const flags = bytes[at + 9]!
  if (bytes[at + 8] !== MESSAGE || !(flags & FLAG.due)) return undefined
  const idAt = at + (flags & FLAG.idText ? 17 : 16)
  const idEnd = flags & FLAG.idText ? idAt + bytes[at + 16]! : idAt + 16
  return { idAt, idEnd, dueAt: idEnd + (flags & FLAG.expires ? 6 : 0) }
}
