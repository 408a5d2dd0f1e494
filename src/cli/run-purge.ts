import type { Call } from './act.ts'
import type { MoveFlags } from './filter.ts'
import type { PurgeFlags } from './purge.ts'
import { runMove } from './run-move.ts'

export function runPurge(call: Call<PurgeFlags>): Promise<number> {
  const { leased = false } = call.options
  return runMove(call, {
    label: 'purge',
    done: 'destroyed',
    move: (queue, which) => queue.purge({ ...which, leased })
  })
}

export function runReplay(call: Call<MoveFlags>): Promise<number> {
  return runMove(call, { label: 'replay', done: 'replayed', move: (queue, which) => queue.replay(which) })
}
