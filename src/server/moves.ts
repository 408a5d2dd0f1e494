import { DroprError } from '../errors.ts'
import { Ids } from '../journal/ids.ts'
import { checkChannel } from '../names.ts'
import type { Spool } from '../spool/spool.ts'
import { DeadMoves } from './dead-moves.ts'
import type { Inbox } from './inbox.ts'
import type { MoveAnswer, MoveKind, MoveRequest, MovesPort } from './move.ts'

/** What an operator asks of the inbox's owner. */
export class Moves implements MovesPort {
  readonly #dead: DeadMoves

  constructor(options: { spool: Spool; inbox: Inbox; epoch: number }) {
    const { clock, random } = options.spool.system
    this.#dead = new DeadMoves({ ...options, ids: new Ids(clock, random) })
  }

  async move(request: MoveRequest): Promise<MoveAnswer> {
    const { what, channel, max, began } = request
    checkChannel(channel)
    if (!Number.isSafeInteger(max) || max < 1 || !Number.isSafeInteger(began))
      throw new DroprError('REQUEST_BAD', 'a step needs a number of messages, and when it all began')
    const step = this.#steps[what]
    if (step === undefined) throw new DroprError('REQUEST_BAD', `nobody here can ${JSON.stringify(what)}`)
    return await step(request)
  }

  close(): Promise<void> {
    return this.#dead.close()
  }

  readonly #steps: Readonly<Partial<Record<MoveKind, (request: MoveRequest) => Promise<MoveAnswer>>>> = {
    redrive: request => this.#dead.step(request),
    drop: request => this.#dead.step(request)
  }
}
