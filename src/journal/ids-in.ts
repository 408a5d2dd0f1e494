import { decodeMessage, ENTRY_BYTES_MIN, entryBytes, MESSAGE, messageFlags } from './entry.ts'

/** The ids of entries whose CRCs were checked, at most `max`, in order; undefined where one is no message. For debug lines only. */
export function idsIn(entries: Buffer, max: number): (string | undefined)[] {
  const ids: (string | undefined)[] = []
  for (let at = 0; ids.length < max && isWhole(entries, at); at += entryBytes(entries, at)) {
    const isMessage = messageFlags(entries, at).kind === MESSAGE
    ids.push(isMessage ? decodeMessage(entries, at).id : undefined)
  }
  return ids
}

/** How many whole entries there are, by their lengths. */
export function entriesIn(entries: Buffer): number {
  let count = 0
  for (let at = 0; isWhole(entries, at); at += entryBytes(entries, at)) count++
  return count
}

/** The last one may have been cut. */
function isWhole(entries: Buffer, at: number): boolean {
  if (at + ENTRY_BYTES_MIN > entries.length) return false
  const bytes = entryBytes(entries, at)
  return bytes >= ENTRY_BYTES_MIN && at + bytes <= entries.length
}
