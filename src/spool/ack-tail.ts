import { decodeNote, entryBytes, MARK } from '../journal/entry.ts'
import { FolderTail } from '../journal/folder-tail.ts'
import { decodeAcked } from './acked-state.ts'
import type { Spool } from './spool.ts'

/** Steps kept of one stream: beyond that, when a peer took the oldest is known less exactly. */
const STEPS_MAX = 64

/** What the client notes in `acked/`, followed from any process: how far each stream has arrived at its peer, and when. */
export class AckTail {
  readonly #tail: FolderTail
  readonly #steps = new Map<string, { next: number; at: number }[]>()

  constructor(spool: Spool) {
    this.#tail = new FolderTail({ files: spool.system.files, folder: spool.acked })
  }

  async look(): Promise<void> {
    for await (const { frame } of this.#tail.look()) {
      const { payload, count, at: writtenAt } = frame
      for (let i = 0, at = 0; i < count && at < payload.length; i++, at += entryBytes(payload, at)) {
        if (payload[at + 8] !== MARK) continue
        for (const { stream, next, ended } of decodeAcked(decodeNote(payload, at)))
          this.#note(stream, Math.max(next ?? 0, ended ?? 0), writtenAt)
      }
    }
  }

  /** Since when the peer is known to have a position, wall ms, or to have refused it, or that it never comes. */
  at(stream: string, position: number): number | undefined {
    return this.#steps.get(stream)?.find(({ next }) => next > position)?.at
  }

  /** Positions below this are known to have arrived, or never come. */
  next(stream: string): number {
    return this.#steps.get(stream)?.at(-1)?.next ?? 0
  }

  /** A peer that lost some and said so later has had them all the same. */
  #note(stream: string, next: number, at: number): void {
    const steps = this.#steps.get(stream)
    if (steps === undefined) this.#steps.set(stream, [{ next, at }])
    else if (next > steps.at(-1)!.next) {
      steps.push({ next, at })
      if (steps.length > STEPS_MAX) steps.shift()
    }
  }
}
