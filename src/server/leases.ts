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

type ToldRow = [verdict: VerdictKind, stream: string, runs: PositionRun[]]

/** One channel's part of a lease: what it holds, and what was said of the rest. */
export class ChannelLease {
  /** `<epoch>.<number>`. */
  readonly id: string
  /** Held by a consumer in the owner's own process: when that process is dead, so is the consumer. */
  own: boolean
  untilWall: number
  /** The name its consumer gave itself: it outlives the owner. */
  readonly consumer: string | undefined
  /** Why it ended without a verdict on everything. */
  ended: string | undefined
  #pieces: Set<Piece> | undefined
  #limbo: Map<Piece, Limbo> | undefined
  #told: Map<string, Runs> | undefined
  /** What was told, while it rests. */
  #rows: ToldRow[] = []

  constructor(id: string, options: { untilWall: number; own: boolean; consumer?: string | undefined }) {
    this.id = id
    this.untilWall = options.untilWall
    this.own = options.own
    this.consumer = options.consumer
  }

  get pieces(): Set<Piece> {
    this.#pieces ??= new Set()
    return this.#pieces
  }

  /** Pieces whose verdict is on its way to the disk. */
  get limbo(): Map<Piece, Limbo> {
    this.#limbo ??= new Map()
    return this.#limbo
  }

  tell(stream: string, verdict: VerdictKind, from: number, to: number): void {
    const key = `${verdict} ${stream}`
    const told = this.#said()
    const runs = told.get(key)
    if (runs === undefined) told.set(key, new Runs([[from, to]]))
    else runs.add(from, to)
  }

  /** Everything that was told. */
  told(): ToldRow[] {
    if (this.#told === undefined) return [...this.#rows]
    return [...this.#told].map(([key, runs]) => {
      const [verdict, stream] = key.split(' ') as [VerdictKind, string]
      return [verdict, stream, [...runs.list]]
    })
  }

  /** What of `runs` that verdict was not yet given for. */
  untold(stream: string, verdict: VerdictKind, runs: readonly PositionRun[]): PositionRun[] {
    const told = this.#said().get(`${verdict} ${stream}`)
    if (told === undefined) return runs.filter(([from, to]) => from < to).map(([from, to]) => [from, to])
    return runs.flatMap(([from, to]) => told.gaps(from, to))
  }

  /** It holds nothing any more: thousands of these are kept, each as small as it can be. */
  rest(): void {
    this.#rows = this.told()
    this.#told = undefined
    this.#pieces = undefined
    this.#limbo = undefined
  }

  #said(): Map<string, Runs> {
    this.#told ??= new Map(this.#rows.map(([verdict, stream, runs]) => [`${verdict} ${stream}`, new Runs(runs)]))
    return this.#told
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
    if (!this.#held.has(lease.id)) this.#keep(lease)
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
    if (this.#held.delete(lease.id)) this.#keep(lease)
    return true
  }

  #keep(lease: ChannelLease): void {
    lease.rest()
    this.#over.set(lease.id, lease)
    if (this.#over.size > this.#overMax) this.#over.delete(this.#over.keys().next().value!)
  }
}
