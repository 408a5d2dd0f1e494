import { decodeMessage } from '../journal/entry.ts'
import type { Due, Stored } from '../message.ts'
import type { Spool } from '../spool/spool.ts'
import { mayHold } from './filter.ts'
import { hashesOfId } from './hash.ts'
import type { Held } from './held.ts'
import { entriesOf, readPage, rescan } from './held-file.ts'
import { ROW_BYTES, type Row, rowAt } from './rows.ts'
import { type Foot, ID_BYTES, pagePlace } from './tables.ts'

const LOOKS_AT_ONCE = 16
type Hash = readonly [number, number]

/** A held message that was looked for. */
export interface Found extends Row {
  held: Held
  stored: Stored & { due: Due }
}

/** One that was looked for by the hash of its id. */
export interface Likely extends Row {
  held: Held
  /** Undefined: it cannot be read. */
  stored: Found['stored'] | undefined
}

/** Every held message of that id, also those that are done and whose segments are still there. A few reads a segment. */
export async function findById(spool: Spool, all: Iterable<Held>, id: string): Promise<Found[]> {
  return (await findLikely(spool, all, id)).found
}

/** The same, and those that cannot be read any more and may be of that id: their hash is. */
export async function findLikely(
  spool: Spool,
  all: Iterable<Held>,
  id: string
): Promise<{ found: Found[]; unreadable: Likely[] }> {
  const likely = await findByHashes(spool, all, hashesOfId(id))
  const found = likely.filter(({ stored }) => stored?.id === id) as Found[]
  return { found, unreadable: likely.filter(({ stored }) => stored === undefined) }
}

/** Every held message whose id has that hash, among them perhaps others. */
export function findByHash(spool: Spool, all: Iterable<Held>, hash: Hash): Promise<Likely[]> {
  return findByHashes(spool, all, [hash])
}

async function findByHashes(spool: Spool, all: Iterable<Held>, hashes: readonly Hash[]): Promise<Likely[]> {
  const waiting = [...all]
  const found: Likely[] = []
  let at = 0
  const work = async () => {
    while (at < waiting.length) found.push(...(await findIn(spool, waiting[at++]!, hashes)))
  }
  await Promise.all(Array.from({ length: LOOKS_AT_ONCE }, work))
  return found
}

async function findIn(spool: Spool, held: Held, hashes: readonly Hash[]): Promise<Likely[]> {
  const filter = held.foot && held.summary?.filter
  const likely = filter === undefined ? hashes : hashes.filter(([a, b]) => mayHold(filter, a, b))
  if (likely.length === 0) return []
  const rows = (await Promise.all(likely.map(hash => rowsOf(spool, held, hash)))).flat()
  if (rows.length === 0) return []
  const entries = await entriesOf(spool, held.path, rows)
  return rows.map((row, i) => {
    const entry = entries[i]
    return { ...row, held, stored: entry && (decodeMessage(entry, 0) as Stored & { due: Due }) }
  })
}

async function rowsOf(spool: Spool, held: Held, hash: Hash): Promise<Row[]> {
  if (held.foot !== undefined) {
    const found = await inTables(spool, held, held.foot, hash)
    if (found !== undefined) return found
    await rescan(spool, held)
    held.recount()
  }
  return held.rows?.withHash(...hash) ?? []
}

/** Undefined: the tables are damaged. The hash says on which page it should be; a neighbour may have it. */
async function inTables(spool: Spool, held: Held, foot: Foot, hash: Hash): Promise<Row[] | undefined> {
  const ids = { count: foot.rows, perPage: foot.idsPerPage, itemBytes: ID_BYTES }
  const last = Math.ceil(foot.rows / foot.idsPerPage) - 1
  let page = Math.min(last, Math.floor(((hash[0] / 2 ** 32) * foot.rows) / foot.idsPerPage))
  let came = 0
  const found: Row[] = []
  for (;;) {
    const bytes = await readPage(spool, held.path, pagePlace(foot.idsAt, ids, page))
    if (bytes === undefined) return undefined
    const count = bytes.length / ID_BYTES
    const below = compare(hashAt(bytes, 0), hash) >= 0 && page > 0 && came <= 0
    const above = compare(hashAt(bytes, count - 1), hash) <= 0 && page < last && came >= 0
    for (let i = 0; i < count; i++) {
      if (!isHash(hashAt(bytes, i), hash)) continue
      const row = await rowIn(spool, held, foot, bytes.readUInt32LE(i * ID_BYTES + 8))
      if (row === undefined) return undefined
      found.push(row)
    }
    if (!below && !above) return found
    came = below ? -1 : 1
    page += came
  }
}

async function rowIn(spool: Spool, held: Held, foot: Foot, index: number): Promise<Row | undefined> {
  const items = { count: foot.rows, perPage: foot.rowsPerPage, itemBytes: ROW_BYTES }
  const page = Math.floor(index / foot.rowsPerPage)
  if (index >= foot.rows) return undefined
  const rows = await readPage(spool, held.path, pagePlace(foot.rowsAt, items, page))
  return rows === undefined ? undefined : rowAt(rows, index - page * foot.rowsPerPage)
}

function hashAt(ids: Buffer, index: number): Hash {
  return [ids.readUInt32LE(index * ID_BYTES), ids.readUInt32LE(index * ID_BYTES + 4)]
}

function compare(a: Hash, b: Hash): number {
  return a[0] - b[0] || a[1] - b[1]
}

function isHash(a: Hash, b: Hash): boolean {
  return a[0] === b[0] && a[1] === b[1]
}
