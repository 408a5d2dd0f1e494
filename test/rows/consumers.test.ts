import { type ChildProcess, spawn } from 'node:child_process'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openQueue } from '../../src/index.ts'
import { CliWorld } from '../cli/run-cli.ts'

const ROOT = path.resolve(import.meta.dirname, '../..')
const CLI = path.join(ROOT, 'bin/dropr.js')
const PORT = 20_000 + ((process.pid + 11_000) % 20_000)
/** Works on two, has the third at hand, and ends none. */
const KEEPER = `
  import { openQueue } from '${path.join(ROOT, 'dist/lib/index.js')}'
  const queue = await openQueue({ spool: process.argv[1] })
  queue.consume('orders', () => new Promise(() => undefined), { concurrency: 2 })
  setInterval(() => undefined, 1_000)
`

let world: CliWorld
let folder: string
const children: ChildProcess[] = []

beforeEach(() => {
  world = new CliWorld()
  folder = world.folder
})

afterEach(async () => {
  for (const child of children.splice(0).reverse()) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    const ended = new Promise(done => void child.once('exit', done))
    child.kill('SIGTERM')
    await ended
  }
  await world.end()
})

function start(args: string[]): ChildProcess {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'], cwd: folder })
  children.push(child)
  return child
}

async function top(...more: string[]): Promise<string> {
  return (await world.run(['top', '--once', '--interval', '100ms', ...more])).stdout.toString()
}

interface Consumer {
  pid: number
  program: string
  since: number
  channels: string[]
  holds: { channel: string; messages: number }[]
}

async function consumers(): Promise<Consumer[]> {
  return (await world.json(['status'])).value.consumers
}

test('F13: status and top list who consumes by the library, in which process, since when, of which channels and what it holds, and nobody who has ended, also by kill -9', async () => {
  const began = Date.now()
  const node = start([CLI, 'up', '--single', '--spool', 'spool', '--node', 'berlin', '--listen', `127.0.0.1:${PORT}`])
  let said = ''
  node.stderr!.on('data', text => {
    said += text
  })
  await expect.poll(() => said, { timeout: 20_000 }).toContain('dropr is up')
  expect(await consumers()).toEqual([])
  const queue = await openQueue({ spool: path.join(folder, 'spool') })
  await queue.sendMessages(['a', 'b', 'c'], { channel: 'orders' })
  const keeper = start(['--input-type=module', '-e', KEEPER, path.join(folder, 'spool')])
  await expect
    .poll(consumers, { timeout: 20_000 })
    .toMatchObject([{ pid: keeper.pid, channels: ['orders'], holds: [{ channel: 'orders', messages: 3 }] }])
  await queue.sendMessage('d', { channel: 'mine' })
  const message = (await queue.poll({ channel: 'mine', wait: '10s' }))!
  void queue.poll({ channel: 'other', wait: '1m' }).catch(() => undefined)
  await expect
    .poll(consumers, { timeout: 20_000 })
    .toMatchObject([
      { pid: keeper.pid },
      { pid: process.pid, channels: ['mine', 'other'], holds: [{ channel: 'mine', messages: 1 }] }
    ])
  const [, ours] = await consumers()
  expect(ours!.program).toBe(path.basename(process.argv[1]!))
  expect(ours!.since).toBeGreaterThanOrEqual(began)
  expect(ours!.since).toBeLessThanOrEqual(Date.now())
  const metrics = await (await fetch(`http://127.0.0.1:${PORT}/metrics`)).text()
  expect(metrics).toMatch(/^dropr_consumers(?:\{[^}]*\})? 2$/m)
  const { stdout } = await world.run(['status'])
  expect(stdout.toString()).toMatch(new RegExp(`^${process.pid} +\\S+ +\\S.* mine other +1 of mine *$`, 'm'))
  const worker = start([CLI, 'work', 'mail', '--spool', 'spool', '--', 'cat'])
  const watched = async () => (JSON.parse(await top('--json')) as { consumers: Consumer[] }).consumers
  await expect.poll(async () => (await watched()).map(({ pid }) => pid), { timeout: 20_000 }).toContain(worker.pid)
  const shown = await top()
  expect(shown).toMatch(new RegExp(`^${process.pid} +\\S+ +\\S.* mine other +1 of mine *$`, 'm'))
  // A worker says more of itself, once.
  expect(shown.match(new RegExp(`^${worker.pid} .*$`, 'gm'))).toEqual([expect.stringMatching(/ mail +idle .* cat *$/)])
  worker.kill('SIGKILL')
  keeper.kill('SIGKILL')
  await expect.poll(consumers, { timeout: 20_000 }).toMatchObject([{ pid: process.pid }])
  await message.ack()
  await expect.poll(consumers, { timeout: 20_000 }).toMatchObject([{ pid: process.pid, holds: [] }])
  await queue.close()
  expect(await consumers()).toEqual([])
})
