import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { backlogScenarios } from './backlog-scenarios.ts'
import { claimScenarios } from './claim-scenarios.ts'
import { enduranceScenarios } from './endurance-scenarios.ts'
import { hopsScenarios } from './hops-scenarios.ts'
import { inventoryScenarios } from './inventory-scenarios.ts'
import { fileSystemOf, machine, version } from './machine.ts'
import { benchmarksPage, type Line, linesOfPage } from './page.ts'
import type { Scenario, Stage } from './scenario.ts'
import { scheduleScenarios } from './schedule-scenarios.ts'
import { sendScenarios } from './send-scenarios.ts'
import { endTwoNodes } from './two-nodes.ts'
import { ROOT } from './up.ts'

/**
 * npm run bench [scenario...] [-- --folder <folder on a real disk>] [--messages n] [--rounds n]
 *
 * One JSON line a scenario on stdout. A run with all messages also writes docs/benchmarks.md; what it did not measure
 * stays there as it was.
 */
const ALL: readonly Scenario[] = [
  ...sendScenarios,
  ...hopsScenarios,
  ...inventoryScenarios,
  ...claimScenarios,
  ...scheduleScenarios,
  ...backlogScenarios,
  ...enduranceScenarios
]
const PAGE = path.join(ROOT, 'docs/benchmarks.md')
const IN_MEMORY = /^(?:tmpfs|ramfs)$/
const ROUNDS = 5

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { folder: { type: 'string' }, messages: { type: 'string' }, rounds: { type: 'string' } }
})

function chosenScenarios(): readonly Scenario[] {
  const unknown = positionals.filter(name => !ALL.some(scenario => scenario.name === name))
  if (unknown.length > 0) {
    throw new Error(`no such scenario: ${unknown.join(', ')}. There are:\n  ${ALL.map(one => one.name).join('\n  ')}`)
  }
  return positionals.length === 0
    ? ALL.filter(({ byName }) => !byName)
    : ALL.filter(scenario => positionals.includes(scenario.name))
}

function workFolder(): string {
  const parent = path.resolve(values.folder ?? path.join(ROOT, 'dist'))
  mkdirSync(parent, { recursive: true })
  const kind = fileSystemOf(parent)
  if (IN_MEMORY.test(kind)) {
    throw new Error(
      `${parent} is a ${kind}: a sync costs nothing there and the figures would be worth nothing. Give --folder.`
    )
  }
  return mkdtempSync(path.join(parent, 'bench-'))
}

async function measure(scenario: Scenario, folder: string, subject: Pick<Line, 'machine' | 'version'>): Promise<Line> {
  const stage: Stage = {
    folder,
    messages: usual => Number(values.messages ?? usual),
    tiny: values.messages !== undefined,
    rounds: Number(values.rounds ?? ROUNDS)
  }
  // What the one before it wrote is not written out while this one is measured.
  if (!stage.tiny) spawnSync('sync')
  const { figures, floor, ratio } = await scenario.run(stage)
  return {
    scenario: scenario.name,
    ...subject,
    figures: rounded(figures),
    floor: floor ? rounded(floor) : null,
    ratio: ratio === undefined ? null : Number(ratio.toPrecision(3))
  }
}

function rounded(figures: Record<string, number>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(figures).map(([name, value]) => [
      name,
      value >= 100 ? Math.round(value) : Number(value.toPrecision(3))
    ])
  )
}

function oldLines(): Line[] {
  try {
    return linesOfPage(readFileSync(PAGE, 'utf8'))
  } catch {
    return []
  }
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

try {
  const scenarios = chosenScenarios()
  const folder = workFolder()
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  // Once, at the start: the code that is measured is what is loaded now, whatever is committed meanwhile.
  const subject = { machine: machine(folder), version: version() }
  const lines: Line[] = []
  try {
    for (const scenario of scenarios) {
      const line = await measure(scenario, folder, subject)
      lines.push(line)
      process.stdout.write(`${JSON.stringify(line)}\n`)
    }
  } finally {
    await endTwoNodes()
    // Figures of a small run say nothing about dropr: they are for looking at, not for the page.
    if (values.messages === undefined && lines.length > 0)
      writeFileSync(PAGE, benchmarksPage(ALL, [...oldLines(), ...lines]))
  }
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
