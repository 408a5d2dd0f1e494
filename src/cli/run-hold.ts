import { nodeSystem } from '../system/node-system.ts'
import type { Call } from './act.ts'
import { printable } from './columns.ts'
import { EXIT } from './exit-codes.ts'
import type { HoldFlags } from './hold.ts'
import { spoolThere } from './ls-rooms.ts'
import { openCallQueue } from './open-queue.ts'

export async function runHold(call: Call<HoldFlags>, act: 'hold' | 'unhold'): Promise<number> {
  const { args, options, out, spool } = call
  const id = args[0]!
  await spoolThere(nodeSystem(), spool)
  const queue = await openCallQueue(call)
  try {
    const { channel } = options
    const found = await queue[act](id, channel === undefined ? {} : { channel })
    if (out.json) await out.value({ id, held: act === 'hold', found })
    else if (found > 0) await out.line(`${printable(id)}: ${act === 'hold' ? 'held' : 'let go'}`)
    else out.note(`dropr: no message ${printable(id)} waits in the inbox of this spool`)
    return found > 0 ? EXIT.done : EXIT.nothing
  } finally {
    await queue.close()
  }
}
