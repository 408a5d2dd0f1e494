import type { Limits } from '../limits.ts'

/** The numbers this plan is made of. */
export type RestartLimits = Pick<Limits, 'restartMsMin' | 'restartMsMax'>

/** A child that worked for so many times the wait that comes next is worth starting at once. */
const WAITS_WORKED = 5

/**
 * How long a child must have worked for its end to be a new story, and the next restart at once again.
 *
 * Relative to the wait: who died once need not prove much, who died again and again the more, up to the longest wait.
 *
 * @param deaths Deaths in a row before, from 0.
 * @returns Milliseconds.
 */
export function healthyMs(deaths: number, limits: RestartLimits): number {
  return Math.min(WAITS_WORKED * restartDelayMs(deaths + 1, limits), limits.restartMsMax)
}

/**
 * How many times in a row a child has died, this death included.
 *
 * @param run.deathsBefore Deaths in a row before this run, from 0.
 * @param run.workedMs From when it was ready to its last heartbeat, 0 when it never was.
 */
export function deathsInARow(run: { deathsBefore: number; workedMs: number }, limits: RestartLimits): number {
  return run.workedMs >= healthyMs(run.deathsBefore, limits) ? 1 : run.deathsBefore + 1
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
