/**
 * Positions told one after another, as few [from, to) runs as they make. In order when they came in order; handlers that
 * finish out of order leave gaps, which are sorted and closed here.
 *
 * @param pairs from, to, from, to, ... in the order they were told; no position twice.
 */
export function mergedRuns(pairs: readonly number[]): [from: number, to: number][] {
  const runs: [number, number][] = []
  let sorted = true
  for (let i = 0; i < pairs.length; i += 2) {
    if (i > 0 && pairs[i]! < pairs[i - 1]!) sorted = false
    runs.push([pairs[i]!, pairs[i + 1]!])
  }
  if (!sorted) runs.sort((a, b) => a[0] - b[0])
  const merged: [number, number][] = []
  for (const run of runs) {
    const last = merged.at(-1)
    if (last !== undefined && last[1] === run[0]) last[1] = run[1]
    else merged.push(run)
  }
  return merged
}

/** Adds one position to `pairs`; the next one after the last costs nothing more. */
export function addPosition(pairs: number[], position: number): void {
  const last = pairs.length - 1
  if (last > 0 && pairs[last] === position) pairs[last] = position + 1
  else pairs.push(position, position + 1)
}
