import { bodyBytesOf } from '../journal/blob-of.ts'
import { decodeMessage } from '../journal/entry.ts'
import type { Due, Stored } from '../message.ts'
import type { Spool } from '../spool/spool.ts'
import { Copies } from './copies.ts'
import { Cursor } from './cursor.ts'
import { hashOfText } from './hash.ts'
import type { Held } from './held.ts'
import { entriesOf } from './held-file.ts'
import { type HeldRow, takeMerged } from './merge.ts'

/** What one call looks at, at most: a rare channel among millions takes several calls, each of them fast. */
const ROWS_LOOKED_AT_MAX = 200_000
const STEP_ROWS = 2_048

export interface ListQuery {
  /** Wall ms, [from, to). */
  from?: number
  to?: number
  channel?: string
  /** 1 to 1,000; default 50. */
  limit?: number
  /** `next` of the page before. */
  after?: string
}

export interface Listed {
  id: string
  to: string
  channel: string
  priority: number
  dueAt: number
  /** When it was scheduled. */
  sentAt: number
  bytes: number
}

export interface ListPage {
  messages: Listed[]
  /** Give it as `after`; undefined: that was all. A page may be short, or empty, and there is more. */
  next: string | undefined
}

interface Place {
  due: number
  sentAt: number
  /** How many that are listed, of the same due and sent time, come before. */
  skip: number
}

/** @throws TypeError for an `after` that no page gave. */
export function parseAfter(after: string): Place {
  const [, due, sentAt, skip] = /^(\d{1,15})\.(\d{1,15})\.(\d{1,9})$/.exec(after) ?? []
  if (due === undefined) throw new TypeError(`after must be the next of an earlier page, got ${after.slice(0, 50)}`)
  return { due: Number(due), sentAt: Number(sentAt), skip: Number(skip) }
}

/** A page of held messages in the order in which they will go out, each once. Reads only where they lie. */
export async function listHeld(spool: Spool, all: Iterable<Held>, query: ListQuery): Promise<ListPage> {
  const { from = 0, to = Number.POSITIVE_INFINITY, channel, limit = 50, after } = query
  const place = after === undefined ? undefined : parseAfter(after)
  const begin = Math.max(from, place?.due ?? 0)
  const hash = channel === undefined ? undefined : hashOfText(channel)
  const walk = walkHeld(spool, all, { begin, to, step: channel === undefined ? limit + 1 : STEP_ROWS })
  const copies = new Copies(spool)
  const rows: HeldRow[] = []
  let last: Place = { due: begin, sentAt: 0, skip: 0 }
  let looked = 0
  for await (const row of walk) {
    const { due, sentAt } = row
    if (place !== undefined && due === place.due && sentAt < place.sentAt) continue
    if (due !== last.due || sentAt !== last.sentAt) last = { due, sentAt, skip: 0 }
    const isOurs = hash === undefined || row.channel === hash
    const earlier = isOurs ? copies.earlierOf(row) : undefined
    if (earlier !== undefined && (await earlier) !== undefined) continue
    // However many there are of one time: a page that ended among them is followed by one that gets on.
    const isAgain = place !== undefined && due === place.due && sentAt === place.sentAt
    const isSeen = isAgain && last.skip < place.skip
    if (!isSeen && (rows.length === limit || (!isAgain && ++looked > ROWS_LOOKED_AT_MAX)))
      return { messages: await describe(spool, rows, channel), next: `${due}.${sentAt}.${last.skip}` }
    if (!isOurs) continue
    last.skip++
    if (!isSeen) rows.push(row)
  }
  return { messages: await describe(spool, rows, channel), next: undefined }
}

/** All waiting rows due in [begin, to), in order, copies too. A segment is opened only when its first message could be next. */
export async function* walkHeld(
  spool: Spool,
  all: Iterable<Held>,
  range: { begin: number; to: number; step: number }
): AsyncGenerator<HeldRow, void> {
  const { begin, to, step } = range
  const closed = [...all].filter(({ left, minDue, maxDue }) => left > 0 && maxDue >= begin && minDue < to)
  closed.sort((a, b) => b.minDue - a.minDue)
  let open: Cursor[] = []
  for (;;) {
    const next = closed.at(-1)?.minDue ?? Number.POSITIVE_INFINITY
    const until = Math.min(to, next) - 1
    const rows = await takeMerged(open, { until, rowsMax: step, bytesMax: Number.POSITIVE_INFINITY })
    for (const row of rows) if (!row.held.isDone(row.position)) yield row
    // Each of them is looked at for each row.
    open = open.filter(cursor => cursor.pending !== Number.POSITIVE_INFINITY)
    if (rows.length > 0) continue
    if (closed.length === 0) return
    const more: Cursor[] = []
    while (closed.at(-1) !== undefined && closed.at(-1)!.minDue <= Math.max(next, begin))
      more.push(new Cursor(spool, closed.pop()!, true))
    await Promise.all(more.map(cursor => cursor.seek(begin)))
    open.push(...more)
  }
}

async function describe(spool: Spool, rows: readonly HeldRow[], channel: string | undefined): Promise<Listed[]> {
  const listed: (Listed | undefined)[] = rows.map(() => undefined)
  for (const held of new Set(rows.map(row => row.held))) {
    const indexes = [...rows.keys()].filter(i => rows[i]!.held === held)
    const entries = await entriesOf(
      spool,
      held.path,
      indexes.map(i => rows[i]!)
    )
    entries.forEach((entry, i) => {
      if (entry === undefined) return
      const stored = decodeMessage(entry, 0) as Stored & { due: Due }
      const { id, due, sentAt } = stored
      const { to, channel, priority } = due
      listed[indexes[i]!] = { id, to, channel, priority, dueAt: due.at, sentAt, bytes: bodyBytesOf(stored) }
    })
  }
  return listed.filter(one => one !== undefined && (channel === undefined || one.channel === channel)) as Listed[]
}
