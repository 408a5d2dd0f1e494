import { diskError } from '../errors.ts'
import { hasBlob } from '../journal/blob-of.ts'
import { decodeMessage, messageFlags, messageId } from '../journal/entry.ts'
import type { Ids } from '../journal/ids.ts'
import type { Salvage } from '../journal/whole-frames.ts'
import { salvageLetters } from '../spool/damaged-letters.ts'
import { DEAD_STATES, knownOf } from '../spool/dead-list.ts'
import type { DeadFates } from '../spool/dead-marks.ts'
import { removeDeadRoom } from '../spool/dead-retention.ts'
import { type Letter, readFates, walkLetters } from '../spool/dead-walk.ts'
import { Sieve } from '../spool/filter.ts'
import type { Spool } from '../spool/spool.ts'
import { unreadableId } from './burial.ts'
import { isBodyGone } from './dead-bodies.ts'
import { DeadLedger } from './dead-ledger.ts'
import { DeadReturns } from './dead-returns.ts'
import type { Inbox } from './inbox.ts'
import type { MoveAnswer, MoveRequest } from './move.ts'
import type { Tell } from './outcomes.ts'

/** One step reads and moves so much at most, so that it is answered soon. */
const READ_BYTES_MAX = 33_554_432
const MOVED_BYTES_MAX = 4_194_304

export interface DeadMovesOptions {
  spool: Spool
  inbox: Pick<Inbox, 'appendRange' | 'stream' | 'channel'>
  epoch: number
  ids: Ids
  tell: Tell
}

/**
 * What an operator does to dead letters: back to where they were to go, or away. In the inbox's owner only, one step after the
 * other in each channel, each durable before it is answered.
 */
export class DeadMoves {
  readonly #options: DeadMovesOptions
  readonly #ledger: DeadLedger
  readonly #returns: DeadReturns
  readonly #salvage: Salvage
  /** Of channels in which somebody is at work. */
  readonly #fates = new Map<string, DeadFates>()
  readonly #turns = new Map<string, Promise<unknown>>()
  #recovered = false

  constructor(options: DeadMovesOptions) {
    this.#options = options
    this.#salvage = salvageLetters(options.spool)
    this.#ledger = new DeadLedger(options)
    this.#returns = new DeadReturns({ ...options, ledger: this.#ledger })
  }

  step(request: MoveRequest): Promise<MoveAnswer> {
    return this.#inTurn(request.channel, () => this.#step(request))
  }

  /** Letters of a channel that are dead still. @throws DroprError DISK_* */
  count(channel: string): Promise<number> {
    return this.#inTurn(channel, async () => {
      const fates = await this.#fatesOf(channel)
      this.#fates.delete(channel)
      let count = 0
      for await (const { letters } of this.#walk(channel, fates))
        for (const { state } of letters) if (state === 'dead') count++
      return count
    })
  }

  /** Removes what is left where no letter is dead any more. @throws DroprError DISK_* */
  removeRoom(channel: string): Promise<{ files: number; bytes: number; left: number }> {
    return this.#inTurn(channel, async () => {
      await this.#returns.rest(channel)
      await this.#ledger.rest(channel)
      return await removeDeadRoom({ ...this.#options, channel })
    })
  }

  /**
   * Finishes, once, what earlier owners left half done: nobody has to ask for anything before it shows where letters are. Never
   * rejects: what cannot be done now is tried at the next call.
   */
  async recover(): Promise<void> {
    if (this.#recovered) return
    const { spool } = this.#options
    try {
      for (const channel of await spool.deadChannels()) await this.#inTurn(channel, () => this.#recover(channel))
      this.#recovered = true
    } catch (error) {
      const { code, message } = diskError(error, `read the dead letters of ${spool.path}`)
      spool.system.log.error({ code }, message)
    }
  }

  async #recover(channel: string): Promise<void> {
    if (this.#fates.has(channel)) return
    const { spool } = this.#options
    const { fates, unsettled } = await readFates(spool.system.files, spool.dead(channel), this.#salvage)
    await this.#returns.settle(channel, unsettled, fates)
  }

  #inTurn<T>(channel: string, act: () => Promise<T>): Promise<T> {
    const turn = (this.#turns.get(channel) ?? Promise.resolve()).then(act)
    const over = turn
      .catch(() => undefined)
      .then(() => {
        if (this.#turns.get(channel) === over) this.#turns.delete(channel)
      })
    this.#turns.set(channel, over)
    return turn
  }

  async close(): Promise<void> {
    await Promise.all(this.#turns.values())
    await this.#returns.close()
    await this.#ledger.close()
  }

  async #step(request: MoveRequest): Promise<MoveAnswer> {
    const { channel, what, dryRun = false } = request
    const fates = await this.#fatesOf(channel)
    const { chosen, left, next } = await this.#choose(request, fates)
    const bytes = chosen.reduce((sum, { entry }) => sum + entry.length, 0)
    if (!dryRun && chosen.length > 0) {
      if (what === 'drop') await this.#ledger.gone(channel, 'dropped', chosen, fates)
      else await this.#returns.send(channel, chosen, fates)
    }
    if (next === undefined) {
      this.#fates.delete(channel)
      if (!dryRun && what === 'redrive') await this.#returns.rest(channel)
      await this.#ledger.rest(channel)
    }
    return {
      moved: chosen.length,
      bytes,
      left,
      ...(next !== undefined && { next }),
      ...(dryRun && { ids: chosen.map(({ entry }) => decodeMessage(entry, 0).id) })
    }
  }

  /** What of the next letters is meant, and could be moved. */
  async #choose(
    request: MoveRequest,
    fates: DeadFates
  ): Promise<{ chosen: Letter[]; left: Record<string, number>; next: string | undefined }> {
    const { channel, filter, began, after, max } = request
    const sieve = new Sieve({ ...filter, states: DEAD_STATES }, began)
    const chosen: Letter[] = []
    const left: Record<string, number> = {}
    let read = 0
    let moving = 0
    for await (const page of this.#walk(channel, fates, after)) {
      for (const letter of page.letters) {
        const { entry, note } = letter
        read += entry.length
        // What died since this began may have died of it.
        if (note.at > began || !sieve.takes(knownOf(letter))) continue
        if (sieve.reads && !sieve.holds(decodeMessage(entry, 0))) continue
        const why = this.#whyNot(letter, request) ?? (await this.#lacks(letter, request))
        if (why !== undefined) left[why] = (left[why] ?? 0) + 1
        else {
          // The page's bytes may be a window that is read into again.
          chosen.push({ ...letter, entry: Buffer.from(entry) })
          moving += entry.length
        }
      }
      const full = chosen.length >= max || moving >= MOVED_BYTES_MAX || read >= READ_BYTES_MAX
      if (full) return { chosen, left, next: page.after }
    }
    return { chosen, left, next: undefined }
  }

  #walk(channel: string, fates: DeadFates, after?: string) {
    const { spool } = this.#options
    const { files } = spool.system
    return walkLetters({ files, folder: spool.dead(channel), channel, fates, after, salvage: this.#salvage })
  }

  #whyNot(letter: Letter, { what }: MoveRequest): string | undefined {
    const { inbox, spool } = this.#options
    const { stream, position, entry } = letter
    // A crash came between its burial and the mark that it is over: it still waits there, and may be buried again.
    if (inbox.stream(stream)?.between(position, position + 1).length) return 'alive'
    if (what !== 'redrive') return undefined
    if (messageId(entry, 0) === unreadableId(letter)) return 'damaged'
    const { expiresAt } = messageFlags(entry, 0)
    return expiresAt !== undefined && expiresAt <= spool.system.clock.now() ? 'expired' : undefined
  }

  async #lacks(letter: Letter, { channel, what }: MoveRequest): Promise<string | undefined> {
    if (what !== 'redrive' || !hasBlob(letter.entry, 0)) return undefined
    return (await isBodyGone(this.#options.spool, channel, letter)) ? 'damaged' : undefined
  }

  async #fatesOf(channel: string): Promise<DeadFates> {
    const known = this.#fates.get(channel)
    if (known !== undefined) return known
    const { spool } = this.#options
    const { fates, unsettled } = await readFates(spool.system.files, spool.dead(channel), this.#salvage)
    await this.#returns.settle(channel, unsettled, fates)
    this.#fates.set(channel, fates)
    return fates
  }
}
