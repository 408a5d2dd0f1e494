import { keepAlive } from '../system/keep-alive.ts'
import { nodeSystem } from '../system/node-system.ts'
import type { Call } from './act.ts'
import type { CleanFlags } from './clean.ts'
import { EXIT } from './exit-codes.ts'
import type { MoveFlags } from './filter.ts'
import { spoolThere } from './ls-rooms.ts'
import { openCallQueue } from './open-queue.ts'
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

export async function runClean(call: Call<CleanFlags>): Promise<number> {
  const { options, out } = call
  const { channel, dryRun = false } = options
  await spoolThere(nodeSystem(), call.spool)
  const awake = keepAlive()
  const queue = await openCallQueue(call)
  try {
    const { segments, bytes } = await queue.clean({ dryRun, ...(channel !== undefined && { channel }) })
    if (out.json) await out.value({ segments, bytes, dryRun })
    else out.note(`${segments} segments, ${bytes} bytes ${dryRun ? 'would be removed' : 'removed'}`)
    return segments > 0 ? EXIT.done : EXIT.nothing
  } finally {
    await queue.close()
    awake()
  }
}
