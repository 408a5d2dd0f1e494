import { dropRemoved, type RemovedChannel, writeRemoved } from '../spool/removed-channels.ts'
import type { Spool } from '../spool/spool.ts'
import type { ChannelInbox } from './channel-inbox.ts'
import { type IdsMark, inboxMark, type RemovedMark, type StreamsMark } from './inbox-marks.ts'
import { inTurn } from './inbox-turns.ts'

const STREAMS_PER_MARK = 500

/**
 * What is left of a channel that was removed: how far its streams are, what was refused, which ids came. In a file of its own,
 * and in the channel's journal again before anything else comes there.
 */
export class Remains {
  readonly #spool: Spool
  readonly #channel: ChannelInbox
  readonly #facts: Omit<RemovedChannel, 'marks'>
  readonly #ids: readonly IdsMark[]

  constructor(spool: Spool, channel: ChannelInbox, removed: RemovedChannel) {
    const { marks, ...facts } = removed
    this.#spool = spool
    this.#channel = channel
    this.#facts = facts
    this.#ids = marks.flatMap(note => {
      const mark = inboxMark(note)
      return mark?.m === 'ids' ? [mark] : []
    })
  }

  /** Segments up to this number are gone. */
  get through(): number {
    return this.#facts.through
  }

  /** From now on the channel has only this; once something comes there, that is said first. */
  rest(): void {
    const { journal } = this.#channel
    this.#channel.remains = this
    journal.begin({ marks: () => this.marks(), said: () => void this.#over() })
  }

  marks(): (StreamsMark | RemovedMark | IdsMark)[] {
    return [...streamMarks(this.#channel), ...this.#ids.filter(({ t }) => this.#channel.ids.counts(t))]
  }

  /** Durable when resolved. @throws DroprError DISK_*: the old words may stand there, or these. */
  async write(): Promise<void> {
    await writeRemoved(this.#spool, this.#channel.name, { ...this.#facts, marks: this.marks() })
  }

  /** Streams are known to be removed at their senders: also when the channel has come back meanwhile. @throws DroprError DISK_* */
  async note(mark: RemovedMark): Promise<void> {
    await inTurn(this.#channel, async () => {
      if (this.#channel.remains !== this) return await this.#channel.journal.mark(mark)
      for (const id of mark.q) {
        const stream = this.#channel.state.streams.get(id)
        if (stream !== undefined) stream.removedAt ??= mark.t
      }
      await this.write()
    })
  }

  /** Nothing of it counts any more. @throws DroprError DISK_* */
  async forgetOld(): Promise<void> {
    if (this.#channel.remains === this && this.marks().length === 0) await dropRemoved(this.#spool, this.#channel.name)
  }

  /** The journal says it. If the file stays, by a crash or a failure, that does no harm. */
  async #over(): Promise<void> {
    await inTurn(this.#channel, async () => {
      if (this.#channel.remains !== this) return
      this.#channel.remains = undefined
      await dropRemoved(this.#spool, this.#channel.name)
    }).catch(() => undefined)
  }
}

/** How far streams of a channel are, and which their senders have removed. */
export function streamMarks(channel: ChannelInbox): (StreamsMark | RemovedMark)[] {
  const streams = [...channel.state.streams.values()].filter(({ next }) => next > 0)
  const marks: (StreamsMark | RemovedMark)[] = []
  for (let at = 0; at < streams.length; at += STREAMS_PER_MARK) {
    const some = streams.slice(at, at + STREAMS_PER_MARK)
    const q: StreamsMark['q'] = some.map(({ id, origin, node, priority, next }) => [
      id,
      origin,
      node,
      priority,
      next,
      []
    ])
    for (const [i, stream] of some.entries()) q[i]![5] = [...stream.refusals()]
    marks.push({ m: 'streams', q })
  }
  const removed = new Map<number, string[]>()
  for (const { id, removedAt } of streams)
    if (removedAt !== undefined) removed.set(removedAt, [...(removed.get(removedAt) ?? []), id])
  for (const [t, q] of removed) marks.push({ m: 'removed', q, t })
  return marks
}
