import { rememberedEntry } from '../journal/again-entry.ts'
import { wantsReceipt } from '../journal/attributes.ts'
import { messageId } from '../journal/entry.ts'
import type { Ids } from '../journal/ids.ts'
import {
  type DeadFates,
  letterRows,
  type MovedMark,
  type Moving,
  type MovingMark,
  splitRows
} from '../spool/dead-marks.ts'
import type { Letter } from '../spool/dead-walk.ts'
import { JournalCache } from '../spool/journal-cache.ts'
import type { Spool } from '../spool/spool.ts'
import { WriterLife } from '../spool/writer-life.ts'
import { bodiesToInbox, bodiesToOutbox } from './dead-bodies.ts'
import type { DeadLedger } from './dead-ledger.ts'
import type { Inbox } from './inbox.ts'
import type { RemovedMark } from './inbox-marks.ts'
import type { MessageOutcome, Tell } from './outcomes.ts'

export interface DeadReturnsOptions {
  spool: Spool
  inbox: Pick<Inbox, 'appendRange' | 'stream' | 'channel'>
  ids: Ids
  ledger: DeadLedger
  /** Takes word of it to those who sent the messages. */
  tell: Tell
}

/** The writer of the outbox segments that letters go back to. */
interface Outlet {
  life: WriterLife
  cache: JournalCache
}

/**
 * Sends dead letters back to where they were going, so that a crash between any two writes leaves each in one place.
 *
 * To the inbox: what goes is written down with the new stream and the positions it gets there, then appended there, then marked as
 * moved. How far that stream is in the inbox tells, after any crash, which of them arrived. To the outbox: appended, then marked;
 * done twice, the peer sees two of one id, which it was told to remember, and keeps one.
 */
export class DeadReturns {
  readonly #options: DeadReturnsOptions
  /** The streams that letters go to, by channel and by what they have in common. */
  readonly #streams = new Map<string, Map<string, string>>()
  #outlet: Promise<Outlet> | undefined

  constructor(options: DeadReturnsOptions) {
    this.#options = options
  }

  /** Resolves when all are where they belong, and gone from here. */
  async send(channel: string, letters: readonly Letter[], fates: DeadFates): Promise<void> {
    const inbox = new Map<string, Letter[]>()
    const outbox = new Map<string, Letter[]>()
    for (const letter of letters) {
      const { origin, node, priority } = letter
      const to = this.#peerOf(letter)
      if (to === undefined) put(inbox, `${origin} ${node} ${priority}`, letter)
      else put(outbox, `${to} ${priority}`, letter)
    }
    const sent = await Promise.allSettled([
      ...[...inbox].map(([key, some]) => this.#toInbox(channel, key, some, fates)),
      ...[...outbox].map(([, some]) => this.#toOutbox(channel, some, fates))
    ])
    for (const result of sent) if (result.status === 'rejected') throw result.reason
  }

  /** Finishes what an earlier owner, or a failure, left half done. */
  async settle(channel: string, unsettled: readonly Moving[], fates: DeadFates): Promise<void> {
    for (const moving of unsettled) await this.#settle(channel, moving, fates)
  }

  /** Nothing more goes there for now: what was begun is ended. */
  async rest(channel: string): Promise<void> {
    const streams = [...(this.#streams.get(channel)?.values() ?? [])]
    this.#streams.delete(channel)
    if (streams.length > 0) await this.#retire(channel, streams)
    await this.close()
  }

  async close(): Promise<void> {
    const outlet = this.#outlet
    this.#outlet = undefined
    const { cache, life } = (await outlet?.catch(() => undefined)) ?? {}
    await cache?.close()
    await life?.close()
  }

  async #toInbox(channel: string, key: string, letters: Letter[], fates: DeadFates): Promise<void> {
    const { inbox, ledger, spool } = this.#options
    const stream = this.#streamFor(channel, key)
    const from = inbox.stream(stream)?.next ?? 0
    const to = from + letters.length
    const rows = letterRows(letters)
    const mark: MovingMark = { moving: { s: stream, f: from, l: rows } }
    try {
      await ledger.mark(channel, mark)
      await bodiesToInbox(spool, channel, letters, { stream, from })
      await inbox.appendRange({ ...rangeOf(letters), channel, stream, from, to, again: true })
    } catch (error) {
      // What is written there speaks of a stream that nothing will ever come to.
      this.#streams.get(channel)?.delete(key)
      throw error
    }
    fates.note('moved', rows)
    const moved: MovedMark = { moved: { s: stream, t: to } }
    await ledger.mark(channel, moved)
    await this.#tellAgain(channel, letters, { stream, from })
  }

  /** Senders that were told it is dead hear that it is not. If that is lost, they hear how it ends. */
  async #tellAgain(channel: string, letters: readonly Letter[], to: { stream: string; from: number }): Promise<void> {
    const { spool, tell } = this.#options
    const at = spool.system.clock.now()
    const outcomes = letters.flatMap(({ entry }, i): MessageOutcome[] =>
      wantsReceipt(entry, 0)
        ? [{ id: messageId(entry, 0), channel, stream: to.stream, position: to.from + i, how: 'again', at }]
        : []
    )
    if (outcomes.length === 0) return
    await tell(letters[0]!.node, outcomes).catch((error: unknown) =>
      spool.system.log.warn({ channel, error: String(error) }, 'senders cannot be told that dead letters are redriven')
    )
  }

  async #toOutbox(channel: string, letters: Letter[], fates: DeadFates): Promise<void> {
    const { spool, ledger } = this.#options
    const [first] = letters
    const folder = spool.outbox(this.#peerOf(first!)!, channel, first!.priority)
    const entries = letters.map(({ entry }) => rememberedEntry(entry))
    const { cache, life } = await this.#open()
    await bodiesToOutbox(spool, channel, letters, { folder, writer: life.writer })
    await cache.use(folder, journal => journal.appendRange({ entries, count: entries.length }))
    await ledger.gone(channel, 'moved', letters, fates)
  }

  async #settle(channel: string, { stream, from, rows }: Moving, fates: DeadFates): Promise<void> {
    const { inbox, ledger } = this.#options
    const next = inbox.stream(stream)?.next ?? 0
    if (next <= from) return
    const [arrived] = splitRows(rows, next - from)
    fates.note('moved', arrived)
    const moved: MovedMark = { moved: { s: stream, t: next } }
    await ledger.mark(channel, moved)
    await this.#retire(channel, [stream])
  }

  /** Nothing comes on these streams any more: the inbox may forget them, days after all of it is finished. */
  async #retire(channel: string, streams: readonly string[]): Promise<void> {
    const { inbox, spool } = this.#options
    const { state, journal } = await inbox.channel(channel)
    const t = spool.system.clock.now()
    const known = streams.filter(id => state.streams.get(id) !== undefined)
    if (known.length === 0) return
    const mark: RemovedMark = { m: 'removed', q: known, t }
    await journal.mark(mark)
    for (const id of known) state.streams.get(id)!.removedAt ??= t
  }

  #streamFor(channel: string, key: string): string {
    const streams = this.#streams.get(channel) ?? new Map<string, string>()
    this.#streams.set(channel, streams)
    let stream = streams.get(key)
    if (stream === undefined) {
      stream = this.#options.spool.system.random.bytes(16).toString('hex')
      streams.set(key, stream)
    }
    return stream
  }

  #peerOf({ note, origin }: Letter): string | undefined {
    if (note.to !== undefined || origin !== this.#options.spool.id) return note.to
    // Before `to` was written down, only the text said whom it was for.
    return /^([a-z0-9-]{1,63}) refused it: /.exec(note.reason)?.[1]
  }

  #open(): Promise<Outlet> {
    const { spool, ids } = this.#options
    this.#outlet ??= WriterLife.begin(spool).then(life => ({
      life,
      cache: new JournalCache({ spool, ids, writer: life.writer })
    }))
    this.#outlet.catch(() => {
      this.#outlet = undefined
    })
    return this.#outlet
  }
}

function rangeOf(letters: readonly Letter[]) {
  const offsets = new Uint32Array(letters.length + 1)
  for (const [i, { entry }] of letters.entries()) offsets[i + 1] = offsets[i]! + entry.length
  const { origin, node, priority } = letters[0]!
  return { origin, node, priority, offsets, entries: Buffer.concat(letters.map(({ entry }) => entry)) }
}

function put(groups: Map<string, Letter[]>, key: string, letter: Letter): void {
  const group = groups.get(key)
  if (group === undefined) groups.set(key, [letter])
  else group.push(letter)
}
