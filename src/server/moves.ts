import { DroprError, typedError } from '../errors.ts'
import { Ids } from '../journal/ids.ts'
import { checkChannel } from '../names.ts'
import { cancelStep } from './cancel-step.ts'
import { type CleanParts, cleanStep } from './clean-step.ts'
import { DeadMoves } from './dead-moves.ts'
import type { Inbox } from './inbox.ts'
import type { MoveAnswer, MoveKind, MoveRequest, MovesPort } from './move.ts'
import type { Tell } from './outcomes.ts'
import { purgeStep } from './purge.ts'
import { type RemoveParts, removeStep } from './remove-step.ts'
import { Replays } from './replays.ts'
import { wipeSentStep } from './wipe-sent.ts'
import { Wipes } from './wipes.ts'

export type MovesOptions = CleanParts & Omit<RemoveParts, 'dead'> & { tell: Tell }

/** What an operator asks of the inbox's owner. */
export class Moves implements MovesPort {
  readonly #dead: DeadMoves
  readonly #inbox: Inbox
  readonly #parts: MovesOptions
  readonly #replays: Replays
  readonly #wipes: Wipes

  constructor(options: MovesOptions) {
    const { clock, random } = options.spool.system
    this.#dead = new DeadMoves({ ...options, ids: new Ids(clock, random) })
    this.#inbox = options.inbox
    this.#parts = options
    this.#replays = new Replays(options)
    this.#wipes = new Wipes(options)
  }

  async move(request: MoveRequest): Promise<MoveAnswer> {
    const { what, channel, max, began } = request
    checkChannel(channel)
    if (!Number.isSafeInteger(max) || max < 1 || !Number.isSafeInteger(began))
      throw new DroprError('REQUEST_BAD', 'a step needs a number of messages, and when it all began')
    if (!Object.hasOwn(this.#steps, what))
      throw new DroprError('REQUEST_BAD', `nobody here can ${JSON.stringify(what)}`)
    try {
      return await this.#steps[what](request)
    } catch (error) {
      throw typedError(error, `${what} in ${channel}`)
    }
  }

  /** See `DeadMoves.recover`. */
  recover(): Promise<void> {
    return this.#dead.recover()
  }

  close(): Promise<void> {
    return this.#dead.close()
  }

  readonly #steps: Readonly<Record<MoveKind, (request: MoveRequest) => Promise<MoveAnswer>>> = {
    redrive: request => this.#dead.step(request),
    drop: request => this.#dead.step(request),
    purge: async request => await purgeStep(await this.#inbox.channel(request.channel), request),
    replay: request => this.#replays.step(request),
    cancel: request => cancelStep(request, this.#parts.spool),
    remove: request => removeStep(request, { ...this.#parts, dead: this.#dead }),
    wipe: request => this.#wipes.step(request),
    'wipe-sent': request => wipeSentStep(request, this.#parts.spool, id => this.#inbox.stream(id)?.next ?? 0),
    clean: request => cleanStep(request, this.#parts)
  }
}
