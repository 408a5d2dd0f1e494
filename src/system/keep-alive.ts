/** Node's timers stop at about 24 days; any long period does. */
const PERIOD_MS = 1_000_000_000

/** One timer for all who want it. */
let timer: NodeJS.Timeout | undefined
let wanted = 0

/** Keeps this process alive until the returned function is called: no clock, lock or socket of ours does by itself. */
export function keepAlive(): () => void {
  timer ??= setInterval(() => undefined, PERIOD_MS)
  if (wanted++ === 0) timer.ref()
  let held = true
  return () => {
    if (held && --wanted === 0) timer?.unref()
    held = false
  }
}
