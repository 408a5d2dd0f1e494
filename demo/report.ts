import { createHash } from 'node:crypto'
import type { Input } from './input.ts'
import { bar, count, type Screen } from './screen.ts'
import type { Traffic } from './traffic.ts'
import type { Comparison, Kill } from './verdict.ts'

export function banner(screen: Screen, input: Input, folder: string, seconds: number): void {
  screen.line()
  screen.line(`  ${screen.paint('bold', 'dropr demo')}  two nodes, amsterdam and tokyo, with spools in ${folder}`)
  screen.line(`  Every line of a text (${input.title}: ${count(input.lines.length)} lines) is one message,`)
  screen.line(
    `  sent in amsterdam and polled in tokyo over about ${seconds} s. Meanwhile we kill daemons and pull the cable.`
  )
  screen.line()
}

export function progress(screen: Screen, traffic: Traffic, lines: number): void {
  const figures = `sent ${count(traffic.safe)}  received ${count(traffic.received.length)}  in flight ${count(traffic.inFlight)}`
  const width = Math.min(30, screen.columns - figures.length - 8)
  const drawn = width > 5 ? `${screen.paint('green', bar(traffic.received.length / lines, width))}  ` : ''
  screen.progress(`  ${drawn}${figures}`)
}

export interface Outcome {
  input: Input
  traffic: Traffic
  comparison: Comparison
  kills: readonly Kill[]
  linkCuts: number
  /** Why it failed; empty when it did not. */
  wrong: readonly string[]
  ms: number
  /** From the last line sent to the last received. */
  lateMs: number
}

export function report(screen: Screen, outcome: Outcome): void {
  const { traffic, input, comparison } = outcome
  const row = (label: string, text: string) => screen.line(`  ${label.padEnd(14)}${text}`)
  const seconds = outcome.ms / 1000
  screen.line()
  row('sent', `${count(traffic.safe)} lines     sha256 ${digest(input.lines)}`)
  row('received', `${count(traffic.received.length)} lines     sha256 ${digest(traffic.received)}`)
  row('missing', count(comparison.missing))
  row(
    'in order',
    comparison.firstDifference === undefined ? 'yes, every line' : `no: line ${comparison.firstDifference} differs`
  )
  row('redelivered', `${count(traffic.redelivered)}, known by their ids and dropped by the application`)
  row('kills', killsInWords(outcome.kills))
  row('link', outcome.linkCuts === 1 ? 'cut once, and healed' : `cut ${outcome.linkCuts} times`)
  row(
    'rate',
    `${count(Math.round(traffic.received.length / seconds))} lines/s over ${seconds.toFixed(1)} s (paced); the last came ${Math.round(outcome.lateMs)} ms after it was sent`
  )
  screen.line()
  if (outcome.wrong.length === 0) screen.line(`  ${screen.paint('green', '✔ all lines, in order, none missing')}`)
  for (const complaint of outcome.wrong) screen.line(`  ${screen.paint('red', `✘ ${complaint}`)}`)
  screen.line()
}

function killsInWords(kills: readonly Kill[]): string {
  const of = (whom: Kill['whom']) => kills.filter(kill => kill.whom === whom).length
  const inFlight = kills.map(kill => kill.linesInFlight)
  const range =
    kills.length > 0 ? `, with ${count(Math.min(...inFlight))} to ${count(Math.max(...inFlight))} lines in flight` : ''
  return `${kills.length} with -9 (client ${of('client')}, server ${of('server')})${range}`
}

function digest(lines: readonly string[]): string {
  const hash = createHash('sha256')
  for (const line of lines) hash.update(line).update('\n')
  return hash.digest('hex').slice(0, 16)
}
