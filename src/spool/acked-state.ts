/** How far one stream has arrived at its peer, as the client knows it. */
export interface StreamState {
  /** The peer has everything below on its disk. Falls only when the peer says that it lost some. */
  next: number
  /** The peer's answers (refusals) to everything below are marked here, durably. */
  settled: number
  /** How many positions the stream has, once that is final and all have arrived; and when that was marked, wall ms. */
  ended: number | undefined
  endedAt: number | undefined
  /** Its file, relative to the spool, is to be removed or is removed. */
  removing: string | undefined
  /** Its file is gone, durably; the peer is to be told. */
  gone?: boolean
}

/** What became known of a stream. What is not given stays as it is. */
export interface StreamChange {
  stream: string
  next?: number
  settled?: number
  ended?: number
  endedAt?: number
  removing?: string
  /** Its file is gone. `told`: and the peer has written that down, so that nothing of the stream counts here any more. */
  gone?: boolean
  told?: boolean
}

/**
 * A stream in a mark: `[stream, next, settled, ended, endedAt, removing, gone]`, cut off behind the last that is known. `gone` is
 * 0 when the file is gone, 1 when the peer has written that down.
 *
 * Read in the order of writing: what comes later counts, and what a row does not say stays as it was.
 */
type Row = [stream: string, ...facts: (number | string | null)[]]

export interface AckedMark {
  acked: Row[]
}

const NOTHING: Readonly<StreamState> = {
  next: 0,
  settled: 0,
  ended: undefined,
  endedAt: undefined,
  removing: undefined
}

/** The state after a change. A stream of which the peer lost some is no longer at its end. */
export function withChange(state: Readonly<StreamState> | undefined, change: StreamChange): StreamState {
  const before = state ?? NOTHING
  const next = change.next ?? Math.max(before.next, change.ended ?? 0)
  const ended = change.ended ?? before.ended
  const settled = change.settled ?? before.settled
  if (ended !== undefined && next < ended)
    return { next, settled, ended: undefined, endedAt: undefined, removing: undefined }
  const endedAt = ended === undefined ? undefined : (before.endedAt ?? change.endedAt)
  const removing = change.removing ?? before.removing
  const gone = change.gone ?? before.gone
  return { next, settled, ended, endedAt, removing, ...(gone !== undefined && { gone }) }
}

export function encodeAcked(changes: Iterable<StreamChange>): AckedMark {
  const rows: Row[] = []
  for (const { stream, next, settled, ended, endedAt, removing, gone, told } of changes) {
    const over = told === true ? 1 : gone === true ? 0 : undefined
    const facts = [next, settled, ended, endedAt, removing, over].map(fact => fact ?? null)
    while (facts.at(-1) === null) facts.pop()
    rows.push([stream, ...facts])
  }
  return { acked: rows }
}

/** The changes in a mark. Rows that this version cannot read are left out. */
export function decodeAcked(mark: unknown): StreamChange[] {
  const rows =
    typeof mark === 'object' && mark !== null && Object.hasOwn(mark, 'acked') ? (mark as AckedMark).acked : []
  if (!Array.isArray(rows)) return []
  const changes: StreamChange[] = []
  for (const row of rows) {
    if (!Array.isArray(row) || typeof row[0] !== 'string' || !/^[0-9a-f]{32}$/.test(row[0])) continue
    const change: StreamChange = { stream: row[0] }
    if (isCount(row[1])) change.next = row[1]
    if (isCount(row[2])) change.settled = row[2]
    if (isCount(row[3])) change.ended = row[3]
    if (isCount(row[4])) change.endedAt = row[4]
    if (typeof row[5] === 'string') change.removing = row[5]
    if (row[6] === 0) change.gone = true
    if (row[6] === 1) change.told = true
    changes.push(change)
  }
  return changes
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
