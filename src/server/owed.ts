import type { PositionRun } from './inbox-port.ts'
import type { Block, Piece } from './pieces.ts'
import { Runs } from './runs.ts'

/** What became of messages, for senders who want to hear it. */
export interface Outcome {
  how: 'done' | 'dead' | 'expired'
  /** Wall ms. */
  at: number
  /** What the consumer said with the ack. */
  result?: unknown
  /** Why it is dead. */
  reason?: string
}

/** Positions of a block that are finished; some of their senders are to be told. */
export interface OwedRun extends Outcome {
  block: Block
  from: number
  to: number
}

/** The same in a checkpoint, which says elsewhere how it ended. */
export type OwedRow = [stream: string, from: number, to: number, at: number, said: Pick<Outcome, 'result' | 'reason'>]

/**
 * What senders of one channel are still to be told. Nothing of it is written down: it is what the marks say is finished, of blocks
 * in which somebody asked, less what `told` marks say.
 */
export class Owed {
  #runs: OwedRun[] = []
  /** Called when there is more. */
  onMore: () => void = () => undefined

  get size(): number {
    return this.#runs.length
  }

  add(piece: Piece, outcome: Outcome): void {
    const { block, from, to } = piece
    this.#runs.push({ ...outcome, block, from, to })
    this.onMore()
  }

  /** The first ones, which stay until they are told. */
  first(max: number): readonly OwedRun[] {
    return this.#runs.slice(0, max)
  }

  /** These positions are told. */
  told(stream: string, runs: readonly PositionRun[]): void {
    const gone = new Runs(runs)
    this.#runs = this.#runs.flatMap(one =>
      one.block.stream.id === stream ? gone.gaps(one.from, one.to).map(([from, to]) => ({ ...one, from, to })) : [one]
    )
  }

  /** What a checkpoint says besides: how it ended in words. */
  say(stream: string, from: number, to: number, said: Pick<Outcome, 'at' | 'result' | 'reason'>): void {
    for (const one of this.#runs)
      if (one.block.stream.id === stream && one.from >= from && one.to <= to) Object.assign(one, said)
  }

  /** For a checkpoint. */
  rows(): OwedRow[] {
    return this.#runs.map(({ block, from, to, at, result, reason }): OwedRow => {
      const said = { ...(result !== undefined && { result }), ...(reason !== undefined && { reason }) }
      return [block.stream.id, from, to, at, said]
    })
  }
}
