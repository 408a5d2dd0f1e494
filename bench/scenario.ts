/** One thing measured, with what it must reach. */
export interface Scenario {
  /** What a person types after `npm run bench`; parameters in the name. */
  name: string
  /** One line for docs/benchmarks.md. */
  title: string
  targets: readonly Target[]
  /** Takes so long that it runs only when it is named. */
  byName?: true
  run(stage: Stage): Promise<Result>
}

/** A bound on one figure, or on the ratio to the floor. */
export type Target = { figure: string; unit: string } & (
  | { atLeast: number; aim?: number }
  | { atMost: number; aim?: number }
)

export interface Stage {
  /** A folder of this run on a real disk, removed afterwards. */
  folder: string
  /** Messages of one round. Tiny runs give one number for all; else the scenario's own. */
  messages(usual: number): number
  /** Somebody gave a number of messages: the figures are for looking at, and nothing need be warm. */
  tiny: boolean
  rounds: number
}

export interface Result {
  /** Medians over the rounds; rates a second, times in ms. */
  figures: Record<string, number>
  /** The same unit of work done by a bare loop in the same run, interleaved. */
  floor?: Record<string, number>
  /** Median over the rounds of ours divided by the floor's. */
  ratio?: number
}

export const RATIO = 'ratio'

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!
}

/** Ours and the floor's in turn, A B A B, after one unmeasured round of each: what the machine does meanwhile hits both. */
export async function interleaved(
  rounds: number,
  ours: () => Promise<number>,
  floor: () => Promise<number>
): Promise<{ ours: number; floor: number; ratio: number }> {
  const pairs: { ours: number; floor: number }[] = []
  for (let round = 0; round <= rounds; round++) {
    const pair = { ours: await ours(), floor: await floor() }
    if (round > 0) pairs.push(pair)
  }
  return {
    ours: median(pairs.map(pair => pair.ours)),
    floor: median(pairs.map(pair => pair.floor)),
    ratio: median(pairs.map(pair => pair.ours / pair.floor))
  }
}

/** Median of `rounds` measurements, after one that does not count. */
export async function repeated(rounds: number, measure: () => Promise<number>): Promise<number> {
  await measure()
  const figures: number[] = []
  for (let round = 0; round < rounds; round++) figures.push(await measure())
  return median(figures)
}

/** How often a second `work` is done, when it says how many it did. */
export async function perSecond(work: () => Promise<number>): Promise<number> {
  const startedAt = performance.now()
  const done = await work()
  return (done / (performance.now() - startedAt)) * 1000
}
