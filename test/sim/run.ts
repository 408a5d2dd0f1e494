import { parseArgs } from 'node:util'
import { type Report, simulate } from './simulation.ts'
import { Sometimes } from './sometimes.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string', default: '1' },
    nodes: { type: 'string', default: '3' },
    hours: { type: 'string', default: '0.2' },
    flips: { type: 'boolean', default: false },
    trace: { type: 'boolean', default: false },
    log: { type: 'boolean', default: false }
  }
})
const first = Number(values.seed ?? process.pid)
const nodes = Number(values.nodes)
const hours = Number(values.hours)
const all = new Sometimes()
const begun = performance.now()
let failed = false

process.on('unhandledRejection', reason => {
  print(`unhandled rejection: ${reason instanceof Error ? reason.stack : String(reason)}`)
  process.exit(1)
})
for (let seed = first; seed < first + Number(values.seeds) && !failed; seed++) {
  print(`seed ${seed}`)
  const report = await simulate({
    seed,
    nodes,
    hours,
    flips: values.flips,
    ...(values.trace && { tell: print }),
    ...(values.log && { log: (text, fields) => print(`log: ${text} ${JSON.stringify(fields)}`) })
  })
  all.take(report.sometimes)
  tell(report)
}
tellSights()
process.exit(failed ? 1 : 0)

function tell(report: Report): void {
  const { seed, violations, digest, messages, simulatedMs, trace } = report
  const crashes = (report.sometimes.counts.get('kill') ?? 0) + (report.sometimes.counts.get('power cut') ?? 0)
  print(`  ${messages} messages, ${crashes} crashes, ${Math.round(simulatedMs / 1000)} simulated s, trace ${digest}`)
  if (violations.length === 0) return
  failed = true
  for (const { promise, atMs, message } of violations.slice(0, 5)) {
    print(`  BROKEN ${promise} at ${atMs.toFixed(3)} ms, seed ${seed}: ${message}`)
    const words = [...message.matchAll(/#\d+\b|[0-9a-f]{6}(?=[0-9a-f]{26}:)/g)].map(([word]) => `${word} `)
    for (const line of trace.about(words, 40)) print(`    ${line}`)
  }
  print(
    `again: npm run sim -- --seed ${seed} --nodes ${nodes} --hours ${hours}${values.flips ? ' --flips' : ''} --trace`
  )
}

function tellSights(): void {
  const seconds = (performance.now() - begun) / 1_000
  const crashes = (all.counts.get('kill') ?? 0) + (all.counts.get('power cut') ?? 0)
  print(`${crashes} crashes in ${seconds.toFixed(1)} s, ${Math.round((crashes / seconds) * 60)} a minute`)
  for (const [what, times] of [...all.counts].toSorted(([a], [b]) => (a < b ? -1 : 1))) print(`  ${times} ${what}`)
  const missing = [...all.missing(), ...(values.flips ? all.missingOfFlips() : [])]
  if (missing.length === 0) return
  print(`void: never seen: ${missing.join(', ')}`)
  failed = true
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}
