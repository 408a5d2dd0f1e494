import type { Claim, ClaimRun, InboxPort, Verdict, VerdictResult } from '../server/inbox-port.ts'
import type { Log } from '../system/log.ts'
import { POINTS, type Positions } from '../system/points.ts'

/** Lets what a consumer is given and what it says be followed: `dropr:claim`, `dropr:settle`, and at level debug a line each. */
export function observed<P extends InboxPort>(port: P, log: Log): P {
  const claim = port.claim.bind(port)
  const settle = port.settle.bind(port)
  port.claim = async (request, signal) => {
    const claimed = await claim(request, signal)
    if (claimed.lease !== '' && (POINTS.claim.on || log.debugs === true)) tellClaim(claimed, log)
    return claimed
  }
  port.settle = async verdicts => {
    const results = await settle(verdicts)
    if (POINTS.settle.on || log.debugs === true) tellVerdicts(verdicts, results, log)
    return results
  }
  return port
}

function tellClaim({ lease, runs }: Claim, log: Log): void {
  const told = { lease, runs: runs.map(positionsOf) }
  if (POINTS.claim.on) POINTS.claim.publish(told)
  if (log.debugs === true) log.debug(told, 'claimed')
}

function tellVerdicts(verdicts: readonly Verdict[], results: readonly VerdictResult[], log: Log): void {
  for (const [i, { lease, verdict, channel, stream, runs }] of verdicts.entries()) {
    const positions = runs.map(([from, to]) => ({ channel, stream, from, to }))
    const told = { lease, verdict, result: results[i] ?? '', runs: positions }
    if (POINTS.settle.on) POINTS.settle.publish(told)
    if (log.debugs === true) log.debug(told, 'settled')
  }
}

function positionsOf({ channel, stream, from, count }: ClaimRun): Positions {
  return { channel, stream, from, to: from + count }
}
