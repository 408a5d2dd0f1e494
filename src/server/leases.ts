import type { PositionRun, Verdict } from './inbox-port.ts'
import type { Piece } from './pieces.ts'
import { Runs } from './runs.ts'

export type VerdictKind = Verdict['verdict']

/** A verdict on its way to the disk. */
export interface Limbo {
  verdict: VerdictKind
  /** Settles when it is there, or failed to get there. */
  written: Promise<unknown>
}

/** One channel's part of a lease: what it holds, and what was said of the rest. */
export class ChannelLease {
  /** `<epoch>.<number>`. */
  readonly id: string
  /** Held by a consumer in the owner's own process: when that process is dead, so is the consumer. */
  own: boolean
  untilWall: number
  /** The name its consumer gave itself: it outlives the owner. */
  readonly consumer: string | undefined
  readonly pieces = new Set<Piece>()
  /** Pieces whose verdict is on its way to the disk. */
  readonly limbo = new Map<Piece, Limbo>()
  /** Why it ended without a verdict on everything. */
  ended: string | undefined
  readonly #told = new Map<string, Runs>()

  constructor(id: string, options: { untilWall: number; own: boolean; consumer?: string | undefined }) {
    this.id = id
    this.untilWall = options.untilWall
    this.own = options.own
    this.consumer = options.consumer
  }

  tell(stream: string, verdict: VerdictKind, from: number, to: number): void {
    const key = `${verdict} ${stream}`
    let told = this.#told.get(key)
    if (told === undefined) {
      told = new Runs()
      this.#told.set(key, told)
    }
    told.add(from, to)
  }

  /** Everything that was told. */
  told(): [verdict: VerdictKind, stream: string, runs: PositionRun[]][] {
    return [...this.#told].map(([key, runs]) => {
      const [verdict, stream] = key.split(' ') as [VerdictKind, string]
      return [verdict, stream, [...runs.list]]
    })
  }

  /** What of `runs` that verdict was not yet given for. */
  untold(stream: string, verdict: VerdictKind, runs: readonly PositionRun[]): PositionRun[] {
    const told = this.#told.get(`${verdict} ${stream}`)
    if (told === undefined) return runs.filter(([from, to]) => from < to).map(([from, to]) => [from, to])
    return runs.flatMap(([from, to]) => told.gaps(from, to))
  }
}

/**
 * A channel's leases. Those that hold nothing any more are remembered for a while, so that a verdict told twice (its answer
 * was lost) gets the same answer.
 */
export class ChannelLeases {
  readonly #held = new Map<string, ChannelLease>()
  readonly #over = new Map<string, ChannelLease>()
  readonly #overMax: number

  constructor(overMax = 2_000) {
    this.#overMax = overMax
  }

  /** Held or just over. */
  get(id: string): ChannelLease | undefined {
    return this.#held.get(id) ?? this.#over.get(id)
  }

  isHeld(id: string): boolean {
    return this.#held.has(id)
  }

  /** Those that may still hold something. */
  held(): ChannelLease[] {
    return [...this.#held.values()]
  }

  /** Those that are remembered though they hold nothing. */
  over(): ChannelLease[] {
    return [...this.#over.values()]
  }

  /** A lease that holds nothing any more, as an earlier owner remembered it. */
  remember(lease: ChannelLease): void {
    if (this.#held.has(lease.id)) return
    this.#over.set(lease.id, lease)
    if (this.#over.size > this.#overMax) this.#over.delete(this.#over.keys().next().value!)
  }

  add(lease: ChannelLease): void {
    this.#over.delete(lease.id)
    this.#held.set(lease.id, lease)
  }

  /** As if it had never been. */
  delete(lease: ChannelLease): void {
    this.#held.delete(lease.id)
  }

  /** To be called when it may have come to hold nothing. True when it is over. */
  check(lease: ChannelLease): boolean {
    if (lease.pieces.size > 0 || lease.limbo.size > 0) return false
    if (!this.#held.delete(lease.id)) return true
    this.#over.set(lease.id, lease)
    if (this.#over.size > this.#overMax) this.#over.delete(this.#over.keys().next().value!)
    return true
  }
}
