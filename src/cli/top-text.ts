import { columns, humanMs, printable, shortMs, terminalWidth } from './columns.ts'
import { consumerTable } from './consumer-table.ts'
import type { Sample, TopRow, TopRows, TopSort } from './top-sample.ts'
import type { WorkerStatus } from './worker-board.ts'

export interface TopView {
  spool: string
  sample: Sample
  rows: TopRows
}

/** One table after the other, for a pipe or a file. */
export function topText({ spool, sample, rows }: TopView): string {
  const head = sample.running ? headOf(sample, rows) : `no daemons answer on ${printable(spool)}`
  return [head, ...tablesOf(sample, rows)].filter(part => part !== '').join('\n\n')
}

export interface ScreenView extends TopView {
  intervalMs: number
  sort: TopSort
  size: { columns: number; lines: number }
}

/** What fills a screen: never more lines, nor wider ones, than it has. */
export function screenLines(view: ScreenView): string[] {
  const { spool, sample, rows, size, intervalMs, sort } = view
  const title = `dropr top  ${printable(spool)}  ${new Date(sample.now).toISOString().slice(11, 19)} UTC`
  const foot = `q quit  space look now  s sort by ${sort === 'rate' ? 'what waits' : 'rate'}  every ${shortMs(intervalMs)}`
  const head = sample.running ? headOf(sample, rows) : 'no daemons answer: `dropr up` starts them'
  const body = [head, '', ...tablesWithin(tablesOf(sample, rows), size.lines - 4)]
  const lines = [title, ...body].slice(0, Math.max(0, size.lines - 1))
  while (lines.length < size.lines - 1) lines.push('')
  return [...lines, foot].slice(0, size.lines).map(line => cut(line, size.columns))
}

function tablesOf(sample: Sample, { peers, channels }: TopRows): string[] {
  const { now, workers, consumers } = sample
  // A worker says more of itself.
  const others = consumers.filter(({ pid }) => !workers.some(worker => worker.pid === pid))
  const tables = [peerTable(peers, now), channelTable(channels, now), workerTable(workers, now)]
  return [...tables, consumerTable(others, now)].filter(part => part !== '')
}

/** Tables in so many lines: what does not fit is counted. Each has its equal share, and what those before it leave. */
function tablesWithin(tables: readonly string[], lines: number): string[] {
  const shortestFirst = [...tables].sort((a, b) => heightOf(a) - heightOf(b))
  let left = lines
  const shown = new Map<string, string[]>()
  for (const [i, table] of shortestFirst.entries()) {
    const share = Math.floor(left / (tables.length - i)) - 1
    const part = shorten(table, Math.max(0, share))
    shown.set(table, part)
    left -= part.length + 1
  }
  return tables.flatMap(table => [...shown.get(table)!, ''])
}

function heightOf(table: string): number {
  return table.split('\n').length
}

function shorten(table: string, lines: number): string[] {
  const all = table.split('\n')
  if (all.length <= lines) return all
  const kept = all.slice(0, Math.max(0, lines - 1))
  return [...kept, `… ${all.length - kept.length} more`]
}

function headOf({ node = '', uptimeMs = 0 }: Sample, { peers, channels }: TopRows): string {
  const sum = (rows: readonly TopRow[], of: (row: TopRow) => number | undefined) =>
    rows.reduce((total, row) => total + (of(row) ?? 0), 0)
  const said = [
    `${node} up ${humanMs(uptimeMs)}`,
    `outbox ${sum(peers, row => row.waiting)} waiting, ${rateText(sum(peers, row => row.outPerSecond))}/s out`,
    `inbox ${sum(channels, row => row.waiting)} waiting, ${rateText(sum(channels, row => row.inPerSecond))}/s in, ${rateText(sum(channels, row => row.outPerSecond))}/s out`
  ]
  return said.join('   ')
}

function peerTable(rows: readonly TopRow[], now: number): string {
  if (rows.length === 0) return ''
  const cells = rows.map(({ name, state, outPerSecond, waiting, oldestAt, nextTryAt, lastError }) => [
    name,
    state,
    rateText(outPerSecond),
    String(waiting),
    ageText(oldestAt, now),
    nextTryAt === undefined ? '-' : `in ${humanMs(Math.max(0, nextTryAt - now))}`,
    lastError === undefined ? '-' : `${lastError.code}: ${lastError.text}`
  ])
  return columns([['PEER', 'STATE', 'OUT/S', 'WAITING', 'OLDEST', 'NEXT TRY', 'LAST ERROR'], ...cells])
}

function channelTable(rows: readonly TopRow[], now: number): string {
  if (rows.length === 0) return ''
  const cells = rows.map(({ name, state, inPerSecond, outPerSecond, waiting, leased = 0, dead = 0, oldestAt }) => [
    name,
    state,
    rateText(inPerSecond),
    rateText(outPerSecond),
    ...[waiting, leased, dead].map(String),
    ageText(oldestAt, now)
  ])
  return columns([['CHANNEL', 'STATE', 'IN/S', 'OUT/S', 'WAITING', 'LEASED', 'DEAD', 'OLDEST'], ...cells])
}

/** A line for each command that runs, and one for a worker that waits. */
function workerTable(workers: readonly WorkerStatus[], now: number): string {
  if (workers.length === 0) return ''
  const cells = workers.flatMap(({ pid, channel, command, finished, running }) => {
    const line = (state: string, since: string, id: string) => [
      String(pid),
      channel,
      state,
      since,
      String(finished),
      id,
      command
    ]
    if (running.length === 0) return [line('idle', '-', '-')]
    return running.map(({ id, since }) => line('running', humanMs(Math.max(0, now - since)), id))
  })
  return columns([['WORKER', 'CHANNEL', 'STATE', 'FOR', 'FINISHED', 'MESSAGE', 'COMMAND'], ...cells])
}

function rateText(perSecond: number | undefined): string {
  if (perSecond === undefined) return '-'
  return perSecond > 0 && perSecond < 10 ? perSecond.toFixed(1) : String(Math.round(perSecond))
}

function ageText(at: number | undefined, now: number): string {
  return at === undefined ? '-' : humanMs(Math.max(0, now - at))
}

function cut(line: string, width: number): string {
  if (terminalWidth(line) <= width) return line
  let [kept, used] = ['', 0]
  for (const character of line) {
    used += terminalWidth(character)
    if (used > width - 1) break
    kept += character
  }
  return `${kept}…`
}
