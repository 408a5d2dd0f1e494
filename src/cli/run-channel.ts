import type { Removed } from '../queue/queue-moves.ts'
import { nodeSystem } from '../system/node-system.ts'
import type { Call } from './act.ts'
import type { ChannelRmFlags } from './channel.ts'
import { columns, printable } from './columns.ts'
import { EXIT } from './exit-codes.ts'
import { LsInbox } from './ls-inbox.ts'
import { openRooms, spoolThere } from './ls-rooms.ts'
import { openCallQueue } from './open-queue.ts'
import { UsageError } from './usage-error.ts'

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

export async function runChannelRm(call: Call<ChannelRmFlags>): Promise<number> {
  const { args, options, out, spool } = call
  const channel = args[0]!
  const { dryRun = false } = options
  await spoolThere(nodeSystem(), spool)
  const queue = await openCallQueue(call)
  try {
    const { files, bytes, left } = await queue.removeChannel(channel, { dryRun })
    if (out.json) await out.value({ channel, files, bytes, left, dryRun })
    else await out.line(removal(printable(channel), { files, bytes, left }, dryRun))
    return files > 0 ? EXIT.done : EXIT.nothing
  } catch (error) {
    throw error instanceof TypeError ? new UsageError(error.message, { cause: error }) : error
  } finally {
    await queue.close()
  }
}

function removal(channel: string, { files, bytes, left }: Removed, dryRun: boolean): string {
  const notes: string[] = []
  if (left.sent) notes.push(`files of what was sent, still there: ${left.sent}; who sends removes them within minutes`)
  if (left.dead) notes.push(`files of dead letters that a client may write to: ${left.dead}`)
  if (files === 0) return [`${channel}: nothing to remove here`, ...notes].join('; ')
  const verb = dryRun ? 'would go' : 'removed'
  return [`${channel}: ${files} ${files === 1 ? 'file' : 'files'}, ${bytes} bytes ${verb}`, ...notes].join('; ')
}

async function steer(call: Call<object>, act: 'pause' | 'resume'): Promise<number> {
  const { args, out, spool } = call
  const channel = args[0]!
  // Steering must not make a spool where there is none.
  await spoolThere(nodeSystem(), spool)
  const queue = await openCallQueue(call)
  try {
    const changed = await queue[act](channel)
    if (out.json) await out.value({ channel, paused: act === 'pause', changed })
    else await out.line(`${printable(channel)}: ${changed ? `${act}d` : `was ${act}d before`}`)
    return EXIT.done
  } finally {
    await queue.close()
  }
}

function table(rows: readonly ChannelRow[]): string {
  const cells = rows.map(({ channel, pausedAt, states }) => {
    const counts = Object.entries(states).map(([state, count]) => `${count} ${state}`)
    return [channel, pausedAt === undefined ? '-' : new Date(pausedAt).toISOString(), counts.join(', ')]
  })
  return columns([['CHANNEL', 'PAUSED', 'MESSAGES'], ...cells])
}
