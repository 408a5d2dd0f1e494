import type { Moved } from '../queue/carry-out.ts'
import type { MoveOptions } from '../queue/filter-options.ts'
import type { Queue } from '../queue/queue.ts'
import { nodeSystem } from '../system/node-system.ts'
import type { Call } from './act.ts'
import { EXIT } from './exit-codes.ts'
import { filterOf, idsGiven, type MoveFlags } from './filter.ts'
import { spoolThere } from './ls-rooms.ts'
import { openCallQueue } from './open-queue.ts'
import { startProgress } from './progress.ts'
import { UsageError } from './usage-error.ts'

/** A change of messages, as a command makes it. */
export interface MoveCommand {
  /** For the bar: `redrive`. */
  label: string
  /** For the result: `redriven`. */
  done: string
  move: (queue: Queue, which: MoveOptions) => Promise<Moved>
}

/** Makes a change of the messages that flags and ids name, and says how many it was. */
export async function runMove(call: Call<MoveFlags>, { label, done, move }: MoveCommand): Promise<number> {
  const { args, options, out } = call
  const { all = false, dryRun = false, rate } = options
  const system = nodeSystem()
  // A command that was mistyped must not make a spool where there is none.
  await spoolThere(system, call.spool)
  const queue = await openCallQueue(call)
  const bar = startProgress(out, { label, clock: system.clock })
  const sum: Moved = { moved: 0, bytes: 0, left: {}, ...(dryRun && { ids: [] }) }
  try {
    const shared = { ...filterOf(options), all, dryRun, ...(rate !== undefined && { rate }) }
    for await (const ids of idsGiven(call.shell, args)) {
      let told = 0
      const onStep = (moved: number) => {
        bar.advance(moved - told)
        told = moved
      }
      const left = options.limit === undefined ? {} : { limit: options.limit - sum.moved }
      if (left.limit === 0) break
      add(sum, await move(queue, { ...shared, ...left, ...(ids !== undefined && { ids }), onStep }))
    }
  } catch (error) {
    throw error instanceof TypeError ? new UsageError(asFlag(error.message), { cause: error }) : error
  } finally {
    bar.end()
    await queue.close()
  }
  const { next: _, ...said } = sum
  if (out.json) await out.value({ ...said, dryRun })
  else {
    for (const id of dryRun ? (sum.ids ?? []) : []) await out.line(id)
    out.note(movedText(sum, dryRun ? `would be ${done}` : done))
  }
  return sum.moved > 0 ? EXIT.done : EXIT.nothing
}

function add(sum: Moved, { moved, bytes, left, ids = [] }: Moved): void {
  sum.moved += moved
  sum.bytes += bytes
  for (const [reason, count] of Object.entries(left)) sum.left[reason] = (sum.left[reason] ?? 0) + count
  sum.ids?.push(...ids)
}

function movedText({ moved, left }: Moved, done: string): string {
  const others = Object.entries(left).map(([reason, count]) => `${count} ${reason}`)
  const text = `${moved} ${moved === 1 ? 'message' : 'messages'} ${done}`
  return others.length === 0 ? text : `${text}; left as they are: ${others.join(', ')}`
}

function asFlag(text: string): string {
  return text.replace('all: true', '--all')
}
