import type { Watch } from '../watch.ts'
import type { SimClock } from './sim-clock.ts'
import type { SimDisk } from './sim-disk.ts'
import type { SimGate } from './sim-gate.ts'
import type { SimRandom } from './sim-random.ts'

/** How reliable simulated hints are. May be changed at any time. */
export interface SimWatchMood {
  /** False: nothing is told. What dropr does then, it does by its timed scans. */
  on: boolean
  /** Shortest and longest delay of a hint. */
  delayMs: readonly [number, number]
  /** Probability that a hint is lost. */
  lost: number
  /** Probability that a hint comes twice. */
  repeated: number
}

export function simWatchMood(mood: Partial<SimWatchMood> = {}): SimWatchMood {
  return { on: true, delayMs: [0, 5], lost: 0, repeated: 0, ...mood }
}

/** Hints from a simulated disk. */
export function simWatch(from: {
  clock: SimClock
  random: SimRandom
  disk: SimDisk
  gate: SimGate
  mood: SimWatchMood
}): Watch {
  const { clock, random, disk, gate, mood } = from
  return {
    folder(folder, hint, options) {
      const depth = options?.depth ?? Number.POSITIVE_INFINITY
      let open = true
      const tell = (path: string) => {
        clock.after(random.between(...mood.delayMs), () => gate.deliver(() => open && hint(path)))
      }
      const unwatch = disk.watch(path => {
        if (!mood.on || !isWithin(folder, path, depth)) return
        if (random.chance(mood.lost)) return
        tell(path)
        if (random.chance(mood.repeated)) tell(path)
      })
      const forget = gate.onDeath(unwatch)
      return {
        close: () => {
          open = false
          unwatch()
          forget()
          return Promise.resolve()
        }
      }
    }
  }
}

function isWithin(folder: string, path: string, depth: number): boolean {
  if (path === folder) return true
  return path.startsWith(`${folder}/`) && path.slice(folder.length + 1).split('/').length - 1 <= depth
}
