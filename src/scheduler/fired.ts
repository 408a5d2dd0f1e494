/** The time a message was meant for, ISO 8601 in UTC, and by how much it was missed, where that is worth saying. */
export const DUE_HEADER = 'dropr-due-at'
export const LATE_HEADER = 'dropr-late-ms'

/** Above this a message is late and says so. */
export const LATE_MS = 1_000
/** Above this it was missed, and goes out at the catch-up rate: a burst that only takes its time is not slowed down more. */
export const MISSED_MS = 10_000

let last = { due: Number.NaN, lateMs: -1, attributes: Buffer.alloc(0) }

/** The headers that a message gets when it is handed over. */
export function firedHeaders(due: number, now: number): Record<string, string> {
  const headers = { [DUE_HEADER]: new Date(due).toISOString() }
  return now - due > LATE_MS ? { ...headers, [LATE_HEADER]: String(now - due) } : headers
}

/** The attributes of a message that has no headers besides. Many are due in the same millisecond. */
export function firedAttributes(due: number, now: number): Buffer {
  const lateMs = now - due > LATE_MS ? now - due : -1
  if (last.due !== due || last.lateMs !== lateMs)
    last = { due, lateMs, attributes: Buffer.from(JSON.stringify({ h: firedHeaders(due, now) })) }
  return last.attributes
}
