import { keepAlive } from '../system/keep-alive.ts'
import { nodeSystem } from '../system/node-system.ts'
import type { Call } from './act.ts'
import { columns, printable } from './columns.ts'
import { EXIT } from './exit-codes.ts'
import { LsInbox } from './ls-inbox.ts'
import { openRooms, spoolThere } from './ls-rooms.ts'
import { openCallQueue } from './open-queue.ts'

/** One channel of the inbox; docs/cli.md. */
interface ChannelRow {
  channel: string
  /** Wall ms; absent unless it is paused. */
  pausedAt?: number
  states: Record<string, number>
}

export async function runChannelLs({ out, spool }: Call<object>): Promise<number> {
  const rows: ChannelRow[] = []
  for (const room of await openRooms(nodeSystem(), spool)) {
    if (!(room instanceof LsInbox)) continue
    const states: Record<string, number> = {}
    for await (const batch of room.batches()) for (const { state } of batch) states[state] = (states[state] ?? 0) + 1
    const { channel, pausedAt } = room
    rows.push({ channel, ...(pausedAt === undefined ? {} : { pausedAt }), states })
  }
  if (out.json) for (const row of rows) await out.value(row)
  else await out.line(table(rows))
  return EXIT.done
}

export function runChannelPause(call: Call<object>): Promise<number> {
  return steer(call, 'pause')
}

export function runChannelResume(call: Call<object>): Promise<number> {
  return steer(call, 'resume')
}

async function steer(call: Call<object>, act: 'pause' | 'resume'): Promise<number> {
  const { args, out, spool } = call
  const channel = args[0]!
  // Steering must not make a spool where there is none.
  await spoolThere(nodeSystem(), spool)
  const awake = keepAlive()
  const queue = await openCallQueue(call)
  try {
    const changed = await queue[act](channel)
    if (out.json) await out.value({ channel, paused: act === 'pause', changed })
    else await out.line(`${printable(channel)}: ${changed ? `${act}d` : `was ${act}d before`}`)
    return EXIT.done
  } finally {
    await queue.close()
    awake()
  }
}

function table(rows: readonly ChannelRow[]): string {
  const cells = rows.map(({ channel, pausedAt, states }) => {
    const counts = Object.entries(states).map(([state, count]) => `${count} ${state}`)
    return [channel, pausedAt === undefined ? '-' : new Date(pausedAt).toISOString(), counts.join(', ')]
  })
  return columns([['CHANNEL', 'PAUSED', 'MESSAGES'], ...cells])
}
