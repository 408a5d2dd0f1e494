import { DroprError, diskError } from '../errors.ts'
import { encodeBlob } from '../journal/blob-entry.ts'
import { encodeMessage, messageBytesMost } from '../journal/entry.ts'
import type { Ids } from '../journal/ids.ts'
import type { BodyKind, Draft } from '../message.ts'
import type { Spool } from '../spool/spool.ts'
import type { Unanswered } from './answers.ts'
import { runsOf } from './bits.ts'
import type { Catalog } from './catalog.ts'
import { type Found, findLikely } from './finder.ts'
import { Firing } from './firing.ts'
import { hashesOfId } from './hash.ts'
import type { HeldBlobs } from './held-blobs.ts'
import type { IntakeReader } from './intake-reader.ts'
import type { Marks } from './marks.ts'
import type { HeldRow } from './merge.ts'
import type { Near } from './near.ts'
import type { Recent } from './recent.ts'

/** Where a message is: held, handed over to an outbox, cancelled; or nobody here knows (long gone, or never was). */
export type HeldState = 'scheduled' | 'fired' | 'cancelled' | 'unknown'

/** What became of a wish. */
export interface Steered {
  id: string
  /** The wish came in time, for every message of this id that was held. */
  done: boolean
  /** What is so now. `fired` with `done: false`: the hand-over was first. */
  state: HeldState
  /** Wall ms, where it is known. */
  dueAt?: number
  /** Of several shards those that could not say whether they hold one of this id, too. */
  unanswered?: Unanswered[]
}

/** What a held message is to become. */
export interface Change {
  due?: number
  body?: ChangedBody
}

export interface ChangedBody {
  kind: BodyKind
  /** Of a large one what `encodeBlob` says of it. */
  bytes: Uint8Array
  /** Of a large one who put it where `changedFolder` says. */
  putBy?: string
}

/** Cancels and changes held messages, and says which side of the race with the hand-over won. One call at a time. */
export class Steering {
  readonly #spool: Spool
  readonly #catalog: Catalog
  readonly #marks: Marks
  readonly #near: Near
  readonly #ids: Ids
  readonly #blobs: HeldBlobs
  readonly #intake: Pick<IntakeReader, 'heldUp'>
  readonly recent: Recent<'fired' | 'cancelled'>

  constructor(options: {
    spool: Spool
    catalog: Catalog
    marks: Marks
    near: Near
    ids: Ids
    recent: Recent<'fired' | 'cancelled'>
    blobs: HeldBlobs
    intake: Pick<IntakeReader, 'heldUp'>
  }) {
    this.recent = options.recent
    this.#spool = options.spool
    this.#catalog = options.catalog
    this.#marks = options.marks
    this.#near = options.near
    this.#ids = options.ids
    this.#blobs = options.blobs
    this.#intake = options.intake
  }

  /** Resolved: what is said survives a power cut. `unknown`: nothing was done. */
  async cancel(id: string): Promise<Steered> {
    const { waiting, answer, damaged } = await this.#find(id)
    if (waiting.length === 0) return sureOf(answer, damaged)
    if (this.#mayLieUnread(waiting)) return { id, done: false, state: 'unknown' }
    await this.#claim(waiting, c => this.#marks.append({ c }))
    for (const { a, b } of waiting) this.recent.set(a, b, 'cancelled')
    for (const found of waiting) this.#doubt(found)
    return answer.state === 'fired' ? answer : { id, done: true, state: 'cancelled', dueAt: waiting[0]!.due }
  }

  /** Gives it another time or body, under the same id. What it was is gone in the moment in which what it becomes is there. */
  async change(id: string, change: Change): Promise<Steered> {
    const { waiting, answer, damaged } = await this.#find(id)
    if (waiting.length === 0) return sureOf(answer, damaged)
    if (this.#mayLieUnread(waiting)) return { id, done: false, state: 'unknown' }
    const dueAt = change.due ?? waiting[0]!.due
    for (const found of waiting) {
      const entry = this.#encode(found, change)
      if (change.body?.putBy !== undefined) await this.#blobs.adopt(entry, change.body.putBy)
      await this.#claim([found], c => this.#marks.appendWithMessage({ c, x: this.#ids.next() }, entry))
      if (change.body !== undefined) this.#doubt(found)
    }
    return answer.state === 'fired' ? answer : { id, done: true, state: 'scheduled', dueAt }
  }

  /** Copies that do not count, of messages that stay. */
  async drop(copies: readonly HeldRow[]): Promise<void> {
    if (copies.length > 0) await this.#claim(copies, c => this.#marks.append({ c }))
  }

  /** What was lately done with messages of that id. */
  wasOf(id: string): 'fired' | 'cancelled' | undefined {
    return this.recent.get(hashesOfId(id))
  }

  async show(id: string): Promise<{ found: Found[]; state: HeldState }> {
    const { waiting, answer } = await this.#find(id)
    return { found: waiting, state: waiting.length > 0 ? 'scheduled' : answer.state }
  }

  /**
   * Those that can still be held back, and what is to be said when there are none or others went. `damaged`: one that cannot be read
   * is not over yet, and may be of that id.
   */
  async #find(id: string): Promise<{ waiting: Found[]; answer: Steered; damaged: boolean }> {
    const { found: all, unreadable } = await findLikely(this.#spool, this.#catalog.all, id)
    const damaged = unreadable.some(({ held, position }) => !held.isDone(position))
    // Copies that were moved or replaced stand for nothing.
    const gone = all.filter(found => isGone(found))
    const waiting = all.filter(
      found => !isGone(found) && !found.held.isDone(found.position) && !gone.some(one => isCopy(one, found))
    )
    const went = gone[0]
    if (went !== undefined) return { waiting, damaged, answer: { id, done: false, state: 'fired', dueAt: went.due } }
    if (waiting.length > 0) return { waiting, damaged, answer: { id, done: false, state: 'scheduled' } }
    return { waiting, damaged, answer: { id, done: false, state: this.wasOf(id) ?? 'unknown' } }
  }

  /**
   * A scheduler that could not mark what it had copied left the message in the intake too. What is done to the copy alone does not
   * hold for the one that cannot be read yet, and is taken over again later.
   */
  #mayLieUnread(waiting: readonly Found[]): boolean {
    return this.#intake.heldUp && waiting.some(({ due }) => this.#catalog.mayDouble(due))
  }

  /** From here on they are not handed over; if saying so fails, they are again. */
  async #claim(
    waiting: readonly Pick<HeldRow, 'held' | 'position'>[],
    say: (c: Record<string, [number, number][]>) => Promise<void>
  ): Promise<void> {
    const positions = new Map<string, number[]>()
    for (const { held, position } of waiting) {
      held.cancelled.add(position)
      positions.set(held.stream, [...(positions.get(held.stream) ?? []), position])
    }
    try {
      await say(Object.fromEntries([...positions].map(([stream, list]) => [stream, runsOf(list)])))
    } catch (error) {
      for (const { held, position } of waiting) {
        held.cancelled.delete(position)
        this.#near.again(held)
      }
      throw diskError(error, 'mark a scheduled message')
    }
  }

  /** Its large body, if it had one, may go. */
  #doubt(found: Found): void {
    if (found.stored.blob !== undefined) this.#blobs.doubt(this.#encode(found, {}), 0)
  }

  #encode({ stored }: Found, { due, body }: Change): Buffer {
    const kept = body === undefined ? stored.blob : undefined
    const draft: Draft = {
      id: stored.id,
      sentAt: stored.sentAt,
      expiresAt: stored.expiresAt,
      key: stored.key,
      headers: Object.keys(stored.headers).length > 0 ? stored.headers : undefined,
      receipt: stored.receipt,
      due: due === undefined ? stored.due : { ...stored.due, at: due },
      kind: body?.kind ?? stored.kind,
      body: kept ? encodeBlob({ kind: stored.kind, ...kept }) : (body?.bytes ?? stored.body),
      ...((kept ?? body?.putBy) !== undefined && { blob: true })
    }
    const into = Buffer.alloc(messageBytesMost(draft))
    return into.subarray(0, encodeMessage(draft, this.#ids, into, 0))
  }
}

/**
 * That nothing of it is held can only be said where all can be read: what was read before it was damaged goes all the same.
 *
 * @throws DroprError ENTRY_CORRUPT
 */
function sureOf(answer: Steered, damaged: boolean): Steered {
  if (answer.state !== 'unknown' || !damaged) return answer
  const what = `what may be the scheduled message ${JSON.stringify(answer.id)} can no longer be read, and may go when it is due`
  throw new DroprError('ENTRY_CORRUPT', what)
}

/** It was handed over, or that was begun. */
function isGone(found: Found): boolean {
  const { held, position } = found
  return held.fired.has(position) || (!held.isDone(position) && Firing.isBegun(found))
}

/** After a crash one message may lie twice, and both go: to change one of them would send another under its name. */
function isCopy(a: Found, b: Found): boolean {
  const [one, other] = [a.stored.due, b.stored.due]
  if (a.due !== b.due || a.sentAt !== b.sentAt || one.priority !== other.priority) return false
  return one.to === other.to && one.channel === other.channel
}
