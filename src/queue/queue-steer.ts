import { checkChannel } from '../names.ts'
import type { Intake } from './intake.ts'
import { checkOptions } from './options.ts'
import { checkId } from './send-options.ts'

export interface HoldOptions {
  /** Only there: less to read. Default: all. */
  channel?: string
}

const HOLD = new Set(['channel'])

/** What operators do to channels and to single messages of the inbox. */
export class QueueSteer {
  readonly #intake: Intake
  readonly #checkOpen: () => void

  constructor(intake: Intake, checkOpen: () => void) {
    this.#intake = intake
    this.#checkOpen = checkOpen
  }

  /** Resolves when synced: true unless it was so before. */
  async channel(act: 'pause' | 'resume', channel: string): Promise<boolean> {
    checkChannel(channel)
    this.#checkOpen()
    return (await this.#intake.steer({ act, channel })).changed > 0
  }

  /** Resolves when synced, with how many messages of the id are not finished. */
  async messages(act: 'hold' | 'unhold', id: string, options: HoldOptions = {}): Promise<number> {
    checkId(id)
    checkOptions(options, HOLD, act)
    const channel = options.channel === undefined ? undefined : checkChannel(options.channel)
    this.#checkOpen()
    return (await this.#intake.steer({ act, id, channel })).found
  }
}
