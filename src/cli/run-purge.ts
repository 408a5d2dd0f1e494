import { join } from 'node:path'
import { encodeChannel } from '../names.ts'
import { keepAlive } from '../system/keep-alive.ts'
import { nodeSystem } from '../system/node-system.ts'
import type { Call } from './act.ts'
import type { CleanFlags } from './clean.ts'
import { printable } from './columns.ts'
import { EXIT } from './exit-codes.ts'
import type { MoveFlags } from './filter.ts'
import { spoolThere } from './ls-rooms.ts'
import { openCallQueue } from './open-queue.ts'
import type { PurgeFlags } from './purge.ts'
import { type MoveCommand, runMove } from './run-move.ts'

export async function runPurge(call: Call<PurgeFlags>): Promise<number> {
  const { leased = false } = call.options
  const move: MoveCommand['move'] = (queue, which) => queue.purge({ ...which, leased })
  return await hinted(call, await runMove(call, { label: 'purge', done: 'destroyed', move }))
}

export async function runReplay(call: Call<MoveFlags>): Promise<number> {
  const move: MoveCommand['move'] = (queue, which) => queue.replay(which)
  return await hinted(call, await runMove(call, { label: 'replay', done: 'replayed', move }))
}

/** Who names a channel where ids are meant is told so. */
async function hinted({ args, out, spool }: Call<object>, code: number): Promise<number> {
  if (code !== EXIT.nothing || out.json) return code
  const { files } = nodeSystem()
  for (const name of (args as (string | string[] | undefined)[]).flat()) {
    if (name === undefined || name === '' || Buffer.byteLength(name) > 120) continue
    const folder = await files.stat(join(spool, 'inbox', encodeChannel(name))).catch(() => undefined)
    if (folder?.kind === 'folder')
      out.note(`dropr: ${printable(name)} is a channel: did you mean --channel ${printable(name)}?`)
  }
  return code
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
