import { dueEndAt } from '../journal/due.ts'
import { duePlace } from '../journal/due-place.ts'
import { entryBytes } from '../journal/entry.ts'
import { FIRED_BYTES_MORE, writeFired } from '../journal/fired-entry.ts'
import type { Ids } from '../journal/ids.ts'
import { JournalCache } from '../spool/journal-cache.ts'
import type { Spool } from '../spool/spool.ts'
import { firedAttributes, firedHeaders } from './fired.ts'
import type { HeldRow } from './merge.ts'

/** Where messages go: one folder of the outbox. */
export interface Way {
  peer: string
  channel: string
  priority: number
  folder: string
}

export type Poke = (hint: { peer: string; channel: string; priority: number; path: string; end: number }) => void

const WAYS_MAX = 10_000
const SPARE_BYTES_MAX = 8_388_608

/** The scheduler's own outbox segments. Entries are written into one buffer and go as one frame: all or none. */
export class Outlet {
  /** Whose segments these are. */
  readonly writer: string
  readonly #spool: Spool
  readonly #cache: JournalCache
  #ways = new Map<string, Way>()
  #last: { key: Buffer; way: Way } | undefined
  #spare: Buffer | undefined

  constructor(options: { spool: Spool; writer: string; ids: Ids; poke: Poke | undefined }) {
    const { spool, writer, ids, poke } = options
    this.writer = writer
    this.#spool = spool
    this.#cache = new JournalCache({
      spool,
      writer,
      ids,
      onCommit: (folder, at) => {
        if (poke === undefined) return
        for (const { peer, channel, priority, folder: there } of this.#ways.values())
          if (there === folder) return poke({ peer, channel, priority, path: at.path, end: at.end })
      }
    })
  }

  /** Where a held message is to go, as its due part says. Most go where the last one went. */
  wayOf({ entry, at }: HeldRow): Way {
    const { dueAt } = duePlace(entry!, at)!
    const from = dueAt + 6
    const to = dueEndAt(entry!, dueAt)
    if (this.#last !== undefined && isSame(this.#last.key, entry!, from, to)) return this.#last.way
    const key = entry!.toString('latin1', from, to)
    let way = this.#ways.get(key)
    if (way === undefined) {
      const channelAt = dueAt + 8 + entry![dueAt + 7]!
      const peer = entry!.toString('utf8', dueAt + 8, channelAt)
      const channel = entry!.toString('utf8', channelAt + 1, to)
      const priority = entry![dueAt + 6]!
      way = { peer, channel, priority, folder: this.#spool.outbox(peer, channel, priority) }
      if (this.#ways.size >= WAYS_MAX) this.#ways = new Map()
      this.#ways.set(key, way)
    }
    this.#last = { key: Buffer.from(key, 'latin1'), way }
    return way
  }

  /** Makes ready where these will go to, so that none of them is late for it. */
  prepare(rows: readonly HeldRow[]): void {
    const bytes = new Map<Way, number>()
    for (const row of rows) {
      const way = this.wayOf(row)
      bytes.set(way, (bytes.get(way) ?? 0) + row.bytes)
    }
    for (const [way, sum] of bytes) void this.#cache.prepare(way.folder, sum)
  }

  /** Resolves when all of them are synced there. */
  async append(way: Way, rows: readonly HeldRow[], now: number): Promise<void> {
    let bytes = 0
    for (const { entry, at } of rows) bytes += entryBytes(entry!, at) * 2 + FIRED_BYTES_MORE
    const into = this.#take(bytes)
    let end = 0
    for (const row of rows) {
      const held = { entry: row.entry!, at: row.at }
      const more = { now, plain: firedAttributes(row.due, now), headers: () => firedHeaders(row.due, now) }
      end = writeFired(held, more, into, end)
    }
    const entries = [into.subarray(0, end)]
    await this.#cache.use(way.folder, journal => journal.appendRange({ entries, count: rows.length }))
    // Only now: after a failure nobody knows who still reads it.
    if (into.length <= SPARE_BYTES_MAX) this.#spare = into
  }

  /** The buffer of the batch before, when it will do: a new one for each is work for the garbage collector. */
  #take(bytes: number): Buffer {
    const spare = this.#spare
    this.#spare = undefined
    return spare !== undefined && spare.length >= bytes ? spare : Buffer.allocUnsafeSlow(bytes)
  }

  /** Commits what waits and seals. */
  close(): Promise<void> {
    return this.#cache.close()
  }
}

/** As `equals`, without a view of the bytes. */
function isSame(key: Buffer, bytes: Buffer, from: number, to: number): boolean {
  if (key.length !== to - from) return false
  for (let i = 0; i < key.length; i++) if (key[i] !== bytes[from + i]) return false
  return true
}
