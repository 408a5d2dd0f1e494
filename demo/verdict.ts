/** What stands where the texts part, and where the line that came too early or too late belongs: for whoever looks for the reason. */
export function difference(sent: readonly string[], received: readonly string[], line: number): string {
  const [wanted, got] = [sent[line - 1], received[line - 1]]
  const places = sent.flatMap((text, n) => (text === got ? [n + 1] : [])).slice(0, 5)
  return `line ${line} is ${JSON.stringify(got)}, not ${JSON.stringify(wanted)}; such lines were sent as ${places.join(', ') || 'none'}`
}

/** How what arrived compares with what was sent. */
export interface Comparison {
  missing: number
  /** Lines beyond the last one sent. */
  extra: number
  /** The number of the first line that differs, from 1. */
  firstDifference: number | undefined
}

export function compare(sent: readonly string[], received: readonly string[]): Comparison {
  const longest = Math.max(sent.length, received.length)
  let firstDifference: number | undefined
  for (let i = 0; i < longest && firstDifference === undefined; i++) {
    if (sent[i] !== received[i]) firstDifference = i + 1
  }
  return {
    missing: Math.max(0, sent.length - received.length),
    extra: Math.max(0, received.length - sent.length),
    firstDifference
  }
}

export interface Kill {
  whom: 'client' | 'server'
  linesInFlight: number
}

export const KILLS_MIN = 5

/** Why the demo failed, in words; empty when it did not. */
export function complaints(
  comparison: Comparison,
  kills: readonly Kill[],
  linkCuts: number,
  killsMin: number
): string[] {
  const told: string[] = []
  if (comparison.missing > 0) told.push(`${comparison.missing} lines are missing`)
  if (comparison.extra > 0) told.push(`${comparison.extra} lines arrived that nobody sent`)
  if (comparison.firstDifference !== undefined) told.push(`line ${comparison.firstDifference} differs`)
  const inFlight = kills.filter(kill => kill.linesInFlight > 0).length
  if (inFlight < killsMin) told.push(`only ${inFlight} kills had lines in flight, ${killsMin} are needed`)
  if (linkCuts < 1) told.push('the link was never cut')
  return told
}
