import type { Limits } from '../limits.ts'

/** The numbers this plan is made of. */
export type RestartLimits = Pick<Limits, 'restartMsMin' | 'restartMsMax'>

/**
 * How many times in a row a child has died, this death included.
 *
 * A child that ran for as long as the longest wait was healthy: what ended it is a new story, and the next restart is at once again.
 *
 * @param run.deathsBefore Deaths in a row before this run, from 0.
 * @param run.ranMs How long it ran.
 */
export function deathsInARow(run: { deathsBefore: number; ranMs: number }, limits: RestartLimits): number {
  return run.ranMs >= limits.restartMsMax ? 1 : run.deathsBefore + 1
}

/**
 * How long to wait before a child is started again.
 *
 * The first restart is at once: most deaths are single ones. Then `restartMsMin`, doubled up to `restartMsMax`, so that a
 * child that dies at each start costs next to nothing.
 *
 * @param deaths Deaths in a row, from 1.
 * @returns Milliseconds, a whole number.
 */
export function restartDelayMs(deaths: number, limits: RestartLimits): number {
  if (deaths <= 1) return 0
  return Math.min(limits.restartMsMin * 2 ** Math.min(deaths - 2, 32), limits.restartMsMax)
}
