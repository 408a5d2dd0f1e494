import { durationMs } from '../duration.ts'
import { nodeSystem } from '../system/node-system.ts'
import type { System } from '../system/system.ts'
import type { Call } from './act.ts'
import { type AgeRow, Ages, ageSpans, sumOf } from './ages.ts'
import { stillWaits } from './backlogs.ts'
import { columns, shortMs } from './columns.ts'
import { EXIT } from './exit-codes.ts'
import { openRooms } from './ls-rooms.ts'
import type { ShapeOptions } from './shape.ts'
import { UsageError, usage } from './usage-error.ts'

/** Ten years: beyond that a column says nothing. */
const SPAN_MS_MAX = 315_360_000_000

type By = 'peer' | 'channel' | 'priority'

export async function runShape(call: Call<ShapeOptions>, system: System = nodeSystem()): Promise<number> {
  const { options, out, spool } = call
  const spans = usage(() => spansOf(options))
  const tables = new Map<By, Ages>()
  for (const by of options.by === undefined ? (['peer', 'channel'] as const) : [options.by])
    tables.set(by, new Ages(spans, system.clock.now()))
  for (const room of await openRooms(system, spool)) {
    if (options.channel?.includes(room.channel) === false) continue
    if (room.room === 'dead') continue
    for await (const batch of room.batches()) {
      for (const row of batch) {
        if (!stillWaits(row)) continue
        const at = row.receivedAt ?? row.sentAt
        if (row.peer !== undefined) tables.get('peer')?.add(row.room, row.peer, at)
        tables.get('channel')?.add(row.room, row.channel, at)
        tables.get('priority')?.add(row.room, `${row.channel} ${row.priority}`, at)
      }
    }
  }
  for (const [by, ages] of tables) {
    if (out.json) for (const row of ages.rows()) await out.value(jsonOf(by, row, spans))
    else await out.line(`${by === tables.keys().next().value ? '' : '\n'}${textOf(by, ages.rows(), spans)}`)
  }
  return EXIT.done
}

function spansOf(options: ShapeOptions): number[] {
  const spans = ageSpans({ firstMs: durationMs(options.first, '--first'), columns: options.columns })
  if (spans[0] === 0) throw new UsageError('--first must be above 0')
  if (spans.at(-1)! > SPAN_MS_MAX) throw new UsageError('--first and --columns lead beyond ten years')
  return spans
}

/** docs/cli.md. */
function jsonOf(by: By, { room, name, total, oldestAt, counts }: AgeRow, spans: readonly number[]): object {
  const ages = counts.map((count, i) => ({ upToMs: spans[i] ?? null, count }))
  const priority = /^(.*) (\d)$/s.exec(name)
  const names = by === 'priority' ? { channel: priority![1], priority: Number(priority![2]) } : { [by]: name }
  return { by, room, ...names, total, oldestAt, ages }
}

function textOf(by: By, rows: readonly AgeRow[], spans: readonly number[]): string {
  if (rows.length === 0) return `nothing waits for a ${by === 'peer' ? 'peer' : 'consumer or a peer'}`
  const head = [
    'ROOM',
    by === 'priority' ? 'CHANNEL, PRIORITY' : by.toUpperCase(),
    'TOTAL',
    ...spans.map(shortMs),
    'OLDER'
  ]
  const all = [...new Set(rows.map(({ room }) => room))].flatMap(room => {
    const inRoom = rows.filter(row => row.room === room)
    return inRoom.length === 1 ? inRoom : [sumOf(inRoom), ...inRoom]
  })
  const cells = all.map(({ room, name, total, counts }) => [
    room,
    name,
    String(total),
    ...counts.map(count => (count === 0 ? '.' : String(count)))
  ])
  return columns([head, ...cells])
}
