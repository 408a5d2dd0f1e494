/** Time, as the rest of dropr sees it. Nothing else calls Date.now() or setTimeout(). */
export interface Clock {
  /** Wall time, ms since the Unix epoch, whole. May jump. For dates people chose, and for the disk. */
  now(): number
  /** Monotonic ms in this process. For ages, leases, time-outs; meaningless once written down. */
  ticks(): number
  /** Resolves after `ms` (0 to one hour), or at once when `signal` aborts. Never rejects, never keeps a process alive. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Calls `run` once everything that has come in by now, from files and sockets, was heard. */
  soon(run: () => void): void
}

export const systemClock: Clock = {
  now: () => Date.now(),
  ticks: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise(resolve => {
      if (signal?.aborted) return resolve()
      const timer = setTimeout(wake, ms).unref()
      signal?.addEventListener('abort', wake)
      function wake(): void {
        clearTimeout(timer)
        signal?.removeEventListener('abort', wake)
        resolve()
      }
    }),
  soon: run => void setImmediate(run)
}
