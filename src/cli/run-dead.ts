import type { Stored } from '../message.ts'
import { checkFilter } from '../queue/filter-options.ts'
import { type DeadRow, type FoundDead, listDead } from '../spool/dead-list.ts'
import type { Filter } from '../spool/filter.ts'
import { Spool } from '../spool/spool.ts'
import { nodeSystem } from '../system/node-system.ts'
import type { Call } from './act.ts'
import { loadCallConfig } from './call-config.ts'
import { columns, printable } from './columns.ts'
import type { DeadShowOptions } from './dead.ts'
import { EXIT } from './exit-codes.ts'
import { type FilterFlags, filterOf, type MoveFlags } from './filter.ts'
import { spoolThere } from './ls-rooms.ts'
import { storedBody, storedJson } from './message-json.ts'
import { runMove } from './run-move.ts'
import { UsageError } from './usage-error.ts'

export async function runDeadLs(call: Call<FilterFlags>): Promise<number> {
  const { out } = call
  const rows: DeadRow[] = []
  let found = 0
  for await (const { row } of letters(call, filterFrom(call.options))) {
    found++
    if (out.json) await out.value(row)
    else rows.push(row)
  }
  if (rows.length > 0) await out.line(table(rows))
  return found > 0 ? EXIT.done : EXIT.nothing
}

export async function runDeadShow(call: Call<DeadShowOptions>): Promise<number> {
  const { args, options, out } = call
  const id = args[0]!
  const channels = options.channel === undefined ? {} : { channels: options.channel }
  let found = 0
  for await (const { row, stored } of letters(call, { ids: [id], states: ['dead', 'moved', 'dropped'], ...channels })) {
    const { headers, key } = stored
    found++
    if (out.json) await out.value({ ...row, key, headers, ...storedJson(stored) })
    else
      await out.write(
        Buffer.concat([Buffer.from(`${letterText(row, headers)}\n\n`), storedBody(stored), Buffer.from('\n')])
      )
  }
  if (found === 0 && !out.json) out.note(`dropr: no dead letter has the id ${printable(id)}`)
  return found > 0 ? EXIT.done : EXIT.nothing
}

export function runDeadRedrive(call: Call<MoveFlags>): Promise<number> {
  return runMove(call, { label: 'redrive', done: 'redriven', move: (queue, which) => queue.dead.redrive(which) })
}

export function runDeadRm(call: Call<MoveFlags>): Promise<number> {
  return runMove(call, { label: 'rm', done: 'dropped', move: (queue, which) => queue.dead.remove(which) })
}

async function* letters(call: Call<object>, filter: Filter): AsyncGenerator<FoundDead> {
  const system = nodeSystem()
  // Looking must not make a spool where there is none.
  await spoolThere(system, call.spool)
  const { limits } = await loadCallConfig(call, system.files)
  const spool = await Spool.open({ system, path: call.spool, limits })
  yield* listDead({ spool, filter, began: system.clock.now() })
}

function filterFrom(flags: FilterFlags): Filter {
  try {
    return checkFilter(filterOf(flags))
  } catch (error) {
    throw error instanceof TypeError ? new UsageError(error.message, { cause: error }) : error
  }
}

function table(rows: readonly DeadRow[]): string {
  const cells = rows.map(({ channel, from, to, code, reason, attempts, deadAt, id }) => {
    return [channel, to ?? from, code, timeText(deadAt), String(attempts.length), id, reason]
  })
  return columns([['CHANNEL', 'PEER', 'CODE', 'DEAD', 'ATTEMPTS', 'ID', 'REASON'], ...cells])
}

function letterText(row: DeadRow, headers: Stored['headers']): string {
  const { id, channel, priority, from, to, state, sentAt, deadAt, by, code, reason, attempts } = row
  return columns([
    ['id', id],
    ['channel', channel],
    ['priority', String(priority)],
    ['from', from],
    ...(to === undefined ? [] : [['to', to]]),
    ['state', state],
    ['sent', timeText(sentAt)],
    ['dead', timeText(deadAt)],
    ['by', by],
    ['code', code],
    ['reason', reason],
    ...attempts.map(({ at, reason }, i) => [`attempt ${i + 1}`, `${timeText(at)}  ${reason}`]),
    ...Object.entries(headers).map(([name, value]) => ['header', `${name}=${value}`])
  ])
}

function timeText(ms: number): string {
  return new Date(ms).toISOString()
}
