/** However fast the handler: what one claim may hold back from other consumers, and lose when the process dies. */
export const BATCH_MAX = 1_000
/** A batch used up faster than this was too small: the round trip to the owner shows. */
const FAST_MS = 25
/** One that lasts longer holds messages that somebody else could have. */
const SLOW_MS = 250

/**
 * How many messages to claim next.
 *
 * @param last.asked What was asked for before, and got.
 * @param last.tookMs From its first message handed over to its last.
 * @returns Never fewer than there are handlers to feed.
 */
export function nextBatch(last: { asked: number; tookMs: number }, concurrency: number): number {
  const least = Math.min(concurrency, BATCH_MAX)
  if (last.tookMs < FAST_MS) return Math.max(least, Math.min(last.asked * 2, BATCH_MAX))
  if (last.tookMs > SLOW_MS) return Math.max(least, Math.floor(last.asked / 2))
  return Math.max(least, last.asked)
}
