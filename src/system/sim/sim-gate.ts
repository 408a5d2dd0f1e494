/**
 * The life of one simulated process: running, stopped (SIGSTOP) or dead (SIGKILL).
 *
 * Whatever the world has for a process, the end of a call, a message, a hint, comes through its gate: at once while it runs,
 * in order when it goes on, never when it is dead.
 */
export class SimGate {
  #state: 'running' | 'stopped' | 'dead' = 'running'
  #waiting: (() => void)[] = []
  readonly #onDeath = new Set<() => void>()

  get state(): 'running' | 'stopped' | 'dead' {
    return this.#state
  }

  get dead(): boolean {
    return this.#state === 'dead'
  }

  deliver(what: () => void): void {
    if (this.dead) return
    if (this.#state === 'running' && this.#waiting.length === 0) what()
    else this.#waiting.push(what)
  }

  /** Called by the world, not by the process: what the system does when a process dies. Returns a function that prevents it. */
  onDeath(callback: () => void): () => void {
    this.#onDeath.add(callback)
    return () => {
      this.#onDeath.delete(callback)
    }
  }

  stop(): void {
    if (this.#state === 'running') this.#state = 'stopped'
  }

  continue(): void {
    if (this.#state !== 'stopped') return
    this.#state = 'running'
    // What it does first may stop or kill it again.
    while (this.#state === 'running' && this.#waiting.length > 0) this.#waiting.shift()?.()
  }

  kill(): void {
    if (this.dead) return
    this.#state = 'dead'
    this.#waiting = []
    for (const callback of this.#onDeath) callback()
    this.#onDeath.clear()
  }
}
