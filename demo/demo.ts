import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { freePort, ROOT, UpNode } from '../bench/up.ts'
import { openQueue } from '../src/index.ts'
import { type Input, LINES_MIN, readInput } from './input.ts'
import { Link } from './link.ts'
import { breakThings } from './plan.ts'
import { banner, progress, report } from './report.ts'
import { Screen } from './screen.ts'
import { receive, sendPaced, Traffic } from './traffic.ts'
import { compare, complaints, difference, KILLS_MIN } from './verdict.ts'

/**
 * Two nodes on this machine; every line of a real text goes from one to the other while daemons are killed and the link is cut.
 * Exit 0: all lines, in order, none missing. Exit 1: anything else.
 */
const CATCH_UP_MS_MAX = 30_000
const PROGRESS_MS = 100

interface Options {
  file?: string
  lines: number
  seconds: number
}

async function main(options: Options): Promise<boolean> {
  const screen = new Screen(process.stdout)
  const folder = mkdtempSync(path.join(os.tmpdir(), 'dropr-demo-'))
  const stop = new AbortController()
  const cleanUp: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })]
  const interrupted = () => stop.abort(new Error('interrupted'))
  process.once('SIGINT', interrupted)
  process.once('SIGTERM', interrupted)
  try {
    const input = readInput({
      root: ROOT,
      writeTo: path.join(folder, 'text'),
      linesMin: options.lines,
      ...pick(options)
    })
    banner(screen, input, folder, options.seconds)
    return await carry({ input, folder, screen, seconds: options.seconds, stop, cleanUp })
  } finally {
    screen.endProgress()
    for (const undo of cleanUp.reverse()) await undo()
  }
}

function pick(options: Options): { file?: string } {
  return options.file === undefined ? {} : { file: options.file }
}

interface Show {
  input: Input
  folder: string
  screen: Screen
  seconds: number
  stop: AbortController
  cleanUp: (() => unknown)[]
}

async function carry(show: Show): Promise<boolean> {
  const { input, screen, seconds, stop } = show
  const { sender, receiver, link } = await startNodes(show)
  const from = await openQueue({ spool: sender.spool })
  show.cleanUp.push(() => from.close())
  const to = await openQueue({ spool: receiver.spool })
  show.cleanUp.push(() => to.close())
  screen.event(`${sender.name} and ${receiver.name} are up; the lines begin to flow`)

  const traffic = new Traffic()
  const drawing = setInterval(() => progress(screen, traffic, input.lines.length), PROGRESS_MS)
  show.cleanUp.push(() => clearInterval(drawing))
  const startedAt = performance.now()
  let lastSentAt = startedAt
  const sending = sendPaced(from, traffic, {
    lines: input.lines,
    to: receiver.name,
    seconds,
    signal: stop.signal
  }).then(() => {
    lastSentAt = performance.now()
    const tooLate = setTimeout(() => stop.abort(new Error('too late')), CATCH_UP_MS_MAX)
    show.cleanUp.push(() => clearTimeout(tooLate))
  })
  const stage = { sender, receiver, link, traffic, screen, seconds, signal: stop.signal }
  const breaking = breakThings({ ...stage, lines: input.lines.length })
  const arriving = receive(to, traffic, input.lines.length, stop.signal)
  const [{ kills, linkCuts }] = await Promise.all([breaking, sending, arriving])
  const endedAt = performance.now()

  screen.endProgress()
  const comparison = compare(input.lines, traffic.received)
  const wrong = complaints(comparison, kills, linkCuts, KILLS_MIN)
  const times = { ms: endedAt - startedAt, lateMs: endedAt - lastSentAt }
  report(screen, { input, traffic, comparison, kills, linkCuts, wrong, ...times })
  const { firstDifference } = comparison
  if (firstDifference !== undefined) screen.line(difference(input.lines, traffic.received, firstDifference))
  if (wrong.length > 0) screen.line(`${sender.name}:\n${sender.log()}\n${receiver.name}:\n${receiver.log()}`)
  return wrong.length === 0
}

async function startNodes(show: Show): Promise<{ sender: UpNode; receiver: UpNode; link: Link }> {
  const port = await freePort()
  const link = await Link.to(port)
  show.cleanUp.push(() => link.cut())
  const url = `http://127.0.0.1:${link.port}`
  const [sender, receiver] = await Promise.all([
    UpNode.start({
      name: 'amsterdam',
      spool: path.join(show.folder, 'amsterdam'),
      port: await freePort(),
      peers: { tokyo: { url } }
    }),
    UpNode.start({ name: 'tokyo', spool: path.join(show.folder, 'tokyo'), port })
  ])
  show.cleanUp.push(() => Promise.all([sender.stop(), receiver.stop()]))
  return { sender, receiver, link }
}

const { values } = parseArgs({
  options: { file: { type: 'string' }, lines: { type: 'string' }, seconds: { type: 'string' } }
})
const chosen: Options = { lines: Number(values.lines ?? LINES_MIN), seconds: Number(values.seconds ?? 20) }
if (values.file !== undefined) chosen.file = values.file
process.exitCode = (await main(chosen)) ? 0 : 1
