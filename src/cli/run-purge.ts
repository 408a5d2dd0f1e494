import { join } from 'node:path'
import { encodeChannel } from '../names.ts'
import { nodeSystem } from '../system/node-system.ts'
import type { Call } from './act.ts'
import { printable } from './columns.ts'
import { EXIT } from './exit-codes.ts'
import type { MoveFlags } from './filter.ts'
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
