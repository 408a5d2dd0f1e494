import { DroprError } from '../errors.ts'
import { wantsReceipt } from '../journal/attributes.ts'
import { messageId } from '../journal/entry.ts'
import type { System } from '../system/system.ts'
import type { BlockReader } from './block-reader.ts'
import type { ChannelState } from './channel-state.ts'
import type { InboxJournal } from './inbox-journal.ts'
import type { ToldMark } from './inbox-marks.ts'
import type { Outcome, OwedRun } from './owed.ts'
import { pushRun } from './runs.ts'

/** What becomes known of one message, as it travels back to the node that sent it. */
export interface MessageOutcome extends Omit<Outcome, 'how'> {
  /** `again`: a dead letter was given another try, and lies in the inbox once more. */
  how: Outcome['how'] | 'again'
  id: string
  channel: string
  /** Its place, which makes the outcome's own id: told twice, it arrives once. */
  stream: string
  position: number
}

/** Takes outcomes to the node that sent the messages. Resolves when they are durable on their way. */
export type Tell = (node: string, outcomes: MessageOutcome[]) => Promise<void>

export interface OutcomesOptions {
  name: string
  system: System
  journal: InboxJournal
  state: ChannelState
  reader: BlockReader
  tell: Tell
}

const RUNS_AT_ONCE = 256
/** What could not be told (disk full) is tried again so much later. */
const AGAIN_MS = 5_000
/** The arrival itself may still be on its way to the disk. */
const UNPLACED_MS = 20

/**
 * Tells the senders of one channel's messages what became of them, those who asked. First the verdict is synced here, then the
 * outcome is in the outbox, then a mark says so: a crash in between tells it again, under the same id.
 */
export class Outcomes {
  readonly #options: OutcomesOptions
  readonly #closing = new AbortController()
  #running: Promise<void> | undefined

  constructor(options: OutcomesOptions) {
    this.#options = options
    options.state.owed.onMore = () => this.wake()
    this.wake()
  }

  wake(): void {
    if (this.#closing.signal.aborted || this.#options.state.owed.size === 0) return
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined
      this.wake()
    })
  }

  /** What is not told yet the next owner tells. */
  async close(): Promise<void> {
    this.#closing.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { system, state, name } = this.#options
    // Those that finish in the same turn go together.
    await Promise.resolve()
    while (state.owed.size > 0 && !this.#closing.signal.aborted) {
      try {
        const waits = await this.#round(state.owed.first(RUNS_AT_ONCE))
        if (waits) await system.clock.sleep(UNPLACED_MS, this.#closing.signal)
      } catch (error) {
        if (this.#closing.signal.aborted) return
        const code = error instanceof DroprError ? error.code : 'UNEXPECTED'
        system.log.error(
          { code, channel: name, error: String(error) },
          'senders cannot be told what became of messages'
        )
        await system.clock.sleep(AGAIN_MS, this.#closing.signal)
      }
    }
  }

  /** True when some wait for their own arrival to be synced. */
  async #round(owed: readonly OwedRun[]): Promise<boolean> {
    const { journal, state, tell } = this.#options
    const byNode = new Map<string, MessageOutcome[]>()
    const told = new Map<string, [number, number][]>()
    let waits = false
    for (const one of owed) {
      const { stream, segment } = one.block
      if (segment === undefined && stream.pending >= one.to) {
        waits = true
        continue
      }
      // Its arrival failed: it will arrive again, and end again.
      const outcomes = segment === undefined ? [] : await this.#outcomesOf(one)
      byNode.set(stream.node, [...(byNode.get(stream.node) ?? []), ...outcomes])
      const runs = told.get(stream.id) ?? []
      told.set(stream.id, runs)
      runs.push([one.from, one.to])
    }
    const telling = [...byNode].filter(([, outcomes]) => outcomes.length > 0)
    await Promise.all(telling.map(([node, outcomes]) => tell(node, outcomes)))
    const marks = [...told].map(([s, runs]): ToldMark => {
      const r: [number, number][] = []
      for (const [from, to] of runs.sort((a, b) => a[0] - b[0])) pushRun(r, from, to)
      return { m: 'told', s, r }
    })
    await Promise.all(marks.map(mark => journal.mark(mark)))
    for (const { s, r } of marks) state.owed.told(s, r)
    return waits
  }

  async #outcomesOf({ block, from, to, how, at, result, reason }: OwedRun): Promise<MessageOutcome[]> {
    const { name: channel, reader, system } = this.#options
    const { id: stream } = block.stream
    const entries = await reader.finished(block, from, to)
    return entries.flatMap((entry, i) => {
      const position = from + i
      if (entry === undefined) {
        const facts = { code: 'ENTRY_CORRUPT', channel, stream, position }
        system.log.error(facts, 'a message cannot be read any more: if its sender waits for a receipt, there is none')
        return []
      }
      if (!wantsReceipt(entry, 0)) return []
      const said = { ...(result !== undefined && { result }), ...(reason !== undefined && { reason }) }
      return [{ id: messageId(entry, 0), channel, stream, position, how, at, ...said }]
    })
  }
}
