import type { Clock } from '../system/clock.ts'

/** Waits for it, `ms` at most. Never rejects because of the time; says nothing of how it ended. */
export async function within(clock: Clock, promise: Promise<unknown>, ms: number): Promise<void> {
  const stop = new AbortController()
  await Promise.race([promise, clock.sleep(ms, stop.signal)])
  stop.abort()
}
