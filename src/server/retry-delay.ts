import type { Limits } from '../limits.ts'

/**
 * How long a failed message waits before it is handed out again.
 *
 * Doubles from `attemptMsMin` to `attemptMsMax`, with full jitter: messages that failed together do not come back together.
 *
 * @param tries.attempts Attempts that failed so far, from 1.
 * @param tries.chance A number in [0, 1).
 * @returns Whole milliseconds.
 */
export function attemptDelayMs(
  tries: { attempts: number; chance: number },
  limits: Pick<Limits, 'attemptMsMin' | 'attemptMsMax'>
): number {
  const doubled = limits.attemptMsMin * 2 ** Math.min(tries.attempts - 1, 40)
  return Math.round(Math.min(doubled, limits.attemptMsMax) * tries.chance)
}
