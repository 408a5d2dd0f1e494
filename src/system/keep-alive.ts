/** Node's timers stop at about 24 days; any long period does. */
const PERIOD_MS = 1_000_000_000

/** Keeps this process alive until the returned function is called: no clock, lock or socket of ours does by itself. */
export function keepAlive(): () => void {
  const timer = setInterval(() => undefined, PERIOD_MS)
  return () => clearInterval(timer)
}
