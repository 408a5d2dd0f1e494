import { Ids } from '../journal/ids.ts'
import { OUTCOME_CHANNEL } from '../names.ts'
import { OutboxWriter } from '../spool/outbox-writer.ts'
import { DeadRoom } from '../spool/room-dead.ts'
import type { Spool } from '../spool/spool.ts'
import { WriterLife } from '../spool/writer-life.ts'
import type { DeadLetter } from './burial.ts'
import type { MessageOutcome } from './outcomes.ts'
import { codeOf } from './owner-manners.ts'
import type { PullHint } from './pull-hint.ts'

/** What an owner of the inbox writes beside it: dead letters, and outcomes on their way to those who sent the messages. */
export class OwnerRooms {
  readonly #spool: Spool
  readonly #dead: DeadRoom
  #outbox: Promise<{ writer: OutboxWriter; life: WriterLife }> | undefined
  /** Told when there is something in `outbox/<this node>`. */
  poke: (hint: PullHint) => void = () => undefined

  constructor(spool: Spool, epoch: number) {
    const { clock, random } = spool.system
    this.#spool = spool
    this.#dead = new DeadRoom({ spool, writer: `e${epoch}`, ids: new Ids(clock, random) })
  }

  readonly bury = (channel: string, letters: DeadLetter[]): Promise<void> =>
    this.#dead.add(letters.map(letter => ({ ...letter, channel, code: codeOf(letter) })))

  /** Sends them as ordinary messages, whose ids follow from the messages' places: what is sent twice arrives once. */
  readonly tell = async (node: string, outcomes: MessageOutcome[]): Promise<void> => {
    const { clock } = this.#spool.system
    const { receiptMs } = this.#spool.limits
    const { writer } = await this.#open()
    const sentAt = clock.now()
    const drafts = outcomes.map(({ stream, position, ...outcome }) => ({
      id: `${outcome.how === 'again' ? 'again' : 'outcome'} ${stream} ${position}`,
      sentAt,
      expiresAt: sentAt + receiptMs,
      kind: 'json' as const,
      body: JSON.stringify(outcome)
    }))
    await writer.appendAll({ peer: node, channel: OUTCOME_CHANNEL, priority: 4 }, drafts, () => undefined)
  }

  tidy(): void {
    this.#dead.tidy()
  }

  /** Ends what is written to among the dead letters of a channel. Never rejects. */
  restDead(channel: string): Promise<void> {
    return this.#dead.rest(channel)
  }

  async close(): Promise<void> {
    const opened = await this.#outbox?.catch(() => undefined)
    const closing = await Promise.allSettled([this.#dead.close(), opened?.writer.close()])
    await opened?.life.close()
    for (const closed of closing) if (closed.status === 'rejected') throw closed.reason
  }

  /** At the first outcome: an owner whose messages want no receipts has no outbox. */
  #open(): Promise<{ writer: OutboxWriter; life: WriterLife }> {
    this.#outbox ??= this.#begin().catch((error: unknown) => {
      this.#outbox = undefined
      throw error
    })
    return this.#outbox
  }

  async #begin(): Promise<{ writer: OutboxWriter; life: WriterLife }> {
    const spool = this.#spool
    const life = await WriterLife.begin(spool)
    const ids = new Ids(spool.system.clock, spool.system.random)
    const poke = (hint: PullHint & { peer: string }) => {
      if (hint.peer === spool.node) this.poke(hint)
    }
    return { life, writer: new OutboxWriter({ spool, writer: life.writer, ids, poke }) }
  }
}
