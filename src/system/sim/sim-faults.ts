import type { SimRandom } from './sim-random.ts'

/** What can be made to fail: the calls of `Files` and of its handles (`pread` and `bytes` read one; `close` closes either). */
export type SimCall =
  | 'open'
  | 'create'
  | 'truncate'
  | 'read'
  | 'replace'
  | 'makeFolder'
  | 'syncFolder'
  | 'list'
  | 'stat'
  | 'link'
  | 'rename'
  | 'remove'
  | 'removeFolder'
  | 'space'
  | 'write'
  | 'writeSynced'
  | 'sync'
  | 'preallocate'
  | 'pread'
  | 'bytes'
  | 'close'
  | 'any'

export interface SimFault {
  /** Which call; `replace` is several steps (write, rename, sync of the folder), each of which counts. */
  call: SimCall
  /** What it rejects with: `EIO`, `ENOSPC`, `EACCES`, ... */
  code: string
  /** Only for paths for which this is true. */
  path?: (path: string) => boolean
  /** How many calls that fit go through first. Default 0. */
  after?: number
  /** How many calls fail then. Default 1; `Infinity` for as long as the rule stands. */
  times?: number
  /** For writes: how many bytes are written all the same. By chance when not given. */
  partialBytes?: number
}

/** A fault in waiting. */
export interface SimFaultRule {
  /** How often it has struck. */
  readonly hits: number
  remove(): void
}

/** The faults that a simulated disk will show. */
export class SimFaults {
  readonly #rules = new Set<{ fault: SimFault; skip: number; hits: number }>()
  /** Each call fails with this probability, with EIO. Default 0. */
  chance = 0

  add(fault: SimFault): SimFaultRule {
    const rule = { fault, skip: fault.after ?? 0, hits: 0 }
    this.#rules.add(rule)
    return {
      get hits() {
        return rule.hits
      },
      remove: () => {
        this.#rules.delete(rule)
      }
    }
  }

  clear(): void {
    this.#rules.clear()
    this.chance = 0
  }

  /** The fault that this call meets, if any. */
  strike(call: SimCall, path: string, random: SimRandom): SimFault | undefined {
    for (const rule of this.#rules) {
      const { fault } = rule
      if (fault.call !== call && fault.call !== 'any') continue
      if (fault.path && !fault.path(path)) continue
      if (rule.skip-- > 0) continue
      if (++rule.hits >= (fault.times ?? 1)) this.#rules.delete(rule)
      return fault
    }
    return this.chance > 0 && random.chance(this.chance) ? { call, code: 'EIO' } : undefined
  }
}
