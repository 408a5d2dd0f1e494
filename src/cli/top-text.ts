import { columns, humanMs, printable, shortMs, terminalWidth } from './columns.ts'
import type { Sample, TopRow, TopRows, TopSort } from './top-sample.ts'

export interface TopView {
  spool: string
  sample: Sample
  rows: TopRows
}

/** One table after the other, for a pipe or a file. */
export function topText({ spool, sample, rows }: TopView): string {
  if (!sample.running) return `no daemons answer on ${printable(spool)}`
  return [headOf(sample, rows), peerTable(rows.peers, sample.now), channelTable(rows.channels, sample.now)]
    .filter(part => part !== '')
    .join('\n\n')
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
  const body = sample.running
    ? [headOf(sample, rows), '', ...tablesWithin(rows, sample.now, size.lines - 5)]
    : ['', 'no daemons answer: `dropr up` starts them']
  const lines = [title, ...body].slice(0, Math.max(0, size.lines - 1))
  while (lines.length < size.lines - 1) lines.push('')
  return [...lines, foot].slice(0, size.lines).map(line => cut(line, size.columns))
}

/** Both tables in so many lines: what does not fit is counted. Half is each table's own, and what the other leaves. */
function tablesWithin({ peers, channels }: TopRows, now: number, lines: number): string[] {
  const half = Math.floor((lines - 1) / 2)
  const wants = (rows: readonly TopRow[]) => (rows.length === 0 ? 0 : rows.length + 1)
  const forChannels = Math.max(half, lines - 1 - wants(peers))
  const forPeers = Math.max(half, lines - 1 - Math.min(wants(channels), forChannels))
  const parts = [shorten(peerTable(peers, now), forPeers), shorten(channelTable(channels, now), forChannels)].filter(
    part => part.length > 0
  )
  return parts.flatMap((part, i) => (i === 0 ? part : ['', ...part]))
}

function shorten(table: string, lines: number): string[] {
  const all = table === '' ? [] : table.split('\n')
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
