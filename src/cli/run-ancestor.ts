import { isOurs } from '../names.ts'
import { nodeSystem } from '../system/node-system.ts'
import type { Call } from './act.ts'
import type { AncestorVerb, AncestorWipe } from './ancestor.ts'
import { printable } from './columns.ts'
import { EXIT } from './exit-codes.ts'
import { openRooms } from './ls-rooms.ts'
import { cleanWith } from './run-clean.ts'

export async function runAncestor(call: Call<object>, verb: AncestorVerb): Promise<number> {
  const { args, out, spool } = call
  const counts = new Map<string, number>()
  for (const room of await openRooms(nodeSystem(), spool)) {
    if (isOurs(room.channel) || room.room !== verb.room || (verb.of === 'channel' && room.channel !== args[0])) continue
    let count = 0
    for await (const batch of room.batches()) for (const { state } of batch) if (verb.states.includes(state)) count++
    // As before: a channel with nothing to count is not named.
    if (count > 0) counts.set(room.channel, count + (counts.get(room.channel) ?? 0))
  }
  if (verb.of === 'each' || verb.of === 'names') {
    for (const [channel, count] of counts) {
      if (out.json) await out.value(verb.of === 'each' ? { channel, count } : { channel })
      else await out.line(printable(verb.of === 'each' ? `${channel}: ${count}` : channel))
    }
  } else {
    const count = [...counts.values()].reduce((sum, one) => sum + one, 0)
    await (out.json ? out.value({ count }) : out.line(String(count)))
  }
  return EXIT.done
}

/** As before: says how many went; of all channels, of each. */
export async function runAncestorWipe(call: Call<object>, { room, of }: AncestorWipe): Promise<number> {
  const { args, out } = call
  const channel = of === 'channel' ? { channel: args[0]! } : {}
  const olderThan = Number(args.at(-1)) * 60_000
  const { messages: count = 0, channels = [] } = await cleanWith(call, { room, olderThan, ...channel })
  for (const { channel, messages } of of === 'each' ? channels : []) {
    if (out.json) await out.value({ channel, count: messages })
    else await out.line(printable(`${channel}: ${messages}`))
  }
  if (of !== 'each') await (out.json ? out.value({ count }) : out.line(String(count)))
  return EXIT.done
}
