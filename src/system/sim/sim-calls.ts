import type { SimClock } from './sim-clock.ts'
import { simError } from './sim-error.ts'
import type { SimCall, SimFault, SimFaults } from './sim-faults.ts'
import type { SimGate } from './sim-gate.ts'
import type { SimRandom } from './sim-random.ts'

/** One call on its way through the simulated system. */
export interface SimStep<T> {
  call: SimCall
  path: string
  /** Part of the effect, visible to others before the rest is (a long write). */
  begin?: () => void
  /** The effect, at one moment. What it throws is what the caller gets. */
  apply: (fault: SimFault | undefined) => T
  /** What makes the effect durable. A power cut may come before. */
  commit?: () => void
}

/**
 * How calls take time, meet faults, and end for processes that stop or die.
 *
 * A call takes effect at one moment between its start and its end. When its process is killed meanwhile, chance decides
 * whether it still does, as the kernel would; nobody is told.
 */
export class SimCalls {
  readonly #clock: SimClock | undefined
  readonly #random: SimRandom
  readonly #faults: SimFaults
  readonly #flying = new Set<() => void>()
  /** Shortest and longest time of a call. 0 without a clock: calls end at the next microtask. */
  latencyMs: readonly [number, number] = [0, 0]

  constructor(options: { clock: SimClock | undefined; random: SimRandom; faults: SimFaults }) {
    this.#clock = options.clock
    this.#random = options.random
    this.#faults = options.faults
  }

  run<T>(step: SimStep<T>, gate: SimGate): Promise<T> {
    return new Promise((resolve, reject) => {
      if (gate.dead) return
      const random = this.#random
      const fault = this.#faults.strike(step.call, step.path, random)
      const [min, max] = this.latencyMs
      const latencyMs = max === 0 ? 0 : random.between(min, max)
      const cut = () => {
        if (fault || random.chance(0.5)) return
        attempt(step, undefined)
        if (random.chance(0.5)) step.commit?.()
      }
      this.#flying.add(cut)
      const finish = () => {
        if (!this.#flying.delete(cut)) return // a power cut came first
        if (gate.dead && random.chance(0.5)) return
        const result = attempt(step, fault)
        // A process killed between a write and its sync leaves bytes that the next one reads and a power cut takes.
        if ('value' in result && !(gate.dead && random.chance(0.5))) step.commit?.()
        const tell = () => ('value' in result ? resolve(result.value) : reject(result.error))
        gate.deliver(tell)
      }
      const { begin } = step
      if (!this.#clock || latencyMs === 0) return queueMicrotask(finish)
      if (begin && !fault) this.#clock.after(random.between(0, latencyMs), () => this.#flying.has(cut) && begin())
      this.#clock.after(latencyMs, finish)
    })
  }

  /** The power goes: each call on its way takes effect, or does not, and none ends. */
  powerCut(): void {
    const flying = [...this.#flying]
    this.#flying.clear()
    for (const cut of flying) cut()
  }
}

function attempt<T>(step: SimStep<T>, fault: SimFault | undefined): { value: T } | { error: unknown } {
  try {
    return { value: step.apply(fault) }
  } catch (error) {
    return { error }
  }
}

/** For calls on which a fault has no other effect than that they fail. */
export function failIf(fault: SimFault | undefined, path: string): void {
  if (fault) throw simError(fault.code, `simulated, ${fault.call} '${path}'`)
}
