import type { Machine } from './machine.ts'
import { RATIO, type Scenario, type Target } from './scenario.ts'

/** What one scenario gave: a line on stdout, and a line in the page. */
export interface Line {
  scenario: string
  machine: Machine
  version: string
  figures: Record<string, number>
  floor: Record<string, number> | null
  ratio: number | null
}

const FENCE = '```jsonl\n'

/** The lines that a page was made from. */
export function linesOfPage(page: string): Line[] {
  const from = page.indexOf(FENCE)
  if (from < 0) return []
  const text = page.slice(from + FENCE.length, page.indexOf('```', from + FENCE.length))
  return text
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line))
}

/** docs/benchmarks.md: the newest line of each scenario as a table, and the lines themselves. */
export function benchmarksPage(scenarios: readonly Scenario[], lines: readonly Line[]): string {
  const newest = scenarios
    .map(scenario => ({ scenario, line: lines.findLast(line => line.scenario === scenario.name) }))
    .filter((found): found is { scenario: Scenario; line: Line } => found.line !== undefined)
  const rows = newest.flatMap(({ scenario, line }) => scenario.targets.map(target => tableRow(scenario, target, line)))
  return `# Benchmarks

Written by \`npm run bench\`; do not edit. Medians of the rounds of one run. Where there is a floor, ours and the floor ran in
turn, A B A B, in that same run: the floor is a bare Node.js loop of \`fs.write\` and \`fs.fdatasync\` with the same bytes. Every message
counts only when it is synced, unless the row says otherwise. Ratios travel between machines, rates do not.

A virtual machine may get its memory from its host page by page, at the first touch: \`pageUs\` says what a page took. A message of 4 KiB needs more than two on
its way, so two hops are measured both in memory that another process has just touched and given back, and in memory as the rounds before have left it.

| scenario | reached | floor | must reach | aim | |
|---|--:|--:|--:|--:|---|
${rows.join('\n')}

## Where

${[...new Set(newest.map(({ line }) => where(line)))].map(text => `- ${text}`).join('\n')}

## The lines as they were measured

${FENCE}${newest.map(({ line }) => JSON.stringify(line)).join('\n')}
\`\`\`
`
}

function where(line: Line): string {
  const { cpu, cores, memoryGiB, system, node, fileSystem, load } = line.machine
  return `dropr ${line.version}, Node.js ${node}, ${system}, ${cores} cores of ${cpu}, ${memoryGiB} GiB, ${fileSystem}, load ${load} before the run`
}

function tableRow(scenario: Scenario, target: Target, line: Line): string {
  const reached = target.figure === RATIO ? line.ratio : (line.figures[target.figure] ?? null)
  const floor =
    line.floor && target.figure === RATIO ? Object.values(line.floor).map(value => inWords(value, '/s')) : []
  const bound = 'atLeast' in target ? target.atLeast : target.atMost
  const cells = [
    `${scenario.title} (\`${scenario.name}\`)`,
    reached === null ? 'not measured' : inWords(reached, target.unit),
    floor.join() || '–',
    `${'atLeast' in target ? '≥' : '≤'} ${inWords(bound, target.unit)}`,
    target.aim === undefined ? '–' : inWords(target.aim, target.unit),
    verdict(target, reached)
  ]
  return `| ${cells.join(' | ')} |`
}

function verdict(target: Target, reached: number | null): string {
  if (reached === null) return ''
  const meets = (bound: number) => ('atLeast' in target ? reached >= bound : reached <= bound)
  if (!meets('atLeast' in target ? target.atLeast : target.atMost)) return '**missed**'
  return target.aim === undefined || meets(target.aim) ? 'reached' : 'reached, not the aim'
}

function inWords(value: number, unit: string): string {
  const number = value.toLocaleString('en-US', { maximumFractionDigits: 2 })
  return unit.startsWith('/') ? `${number}${unit}` : `${number} ${unit}`
}
