import { type ChildProcess, spawn } from 'node:child_process'
import {
  closeSync,
  createReadStream,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { file } from '../../src/index.ts'
import { SOAK } from '../soak.ts'
import { differsAt, makeFile } from './large-file.ts'
import { RealNodes } from './real-nodes.ts'
import { STORES } from './stores.ts'

let nodes: RealNodes
let folder: string

beforeEach(() => {
  nodes = new RealNodes()
  folder = mkdtempSync(path.join(tmpdir(), 'dropr-large-'))
})

afterEach(async () => {
  await nodes.end()
  rmSync(folder, { recursive: true, force: true })
})

test.each(STORES)(
  'A9: a body of 50 MB sent as a file arrives on another node, and on this one, byte for byte, and so with the same SHA-256 (%s)',
  async store => {
    nodes.store = store
    const from = path.join(folder, 'from')
    makeFile(from, 50)
    const tokyo = await nodes.node('tokyo')
    const berlin = await nodes.node('berlin', { config: { peers: { tokyo: `http://${tokyo.listen}` } } })
    await berlin.queue.sendMessage(file(from), { to: ['tokyo', 'berlin'] })
    for (const node of [tokyo, berlin]) {
      const message = (await node.queue.poll({ wait: '60s' }))!
      expect(message).toMatchObject({ size: 50 * 1_048_576, large: true, from: 'berlin' })
      const to = path.join(folder, node.name)
      expect(await message.saveTo(to)).toBe(message.size)
      expect(await differsAt(createReadStream(to), 50)).toBeUndefined()
      expect(statSync(to).mode & 0o777).toBe(0o600)
      await message.ack()
    }
    await expect(berlin.queue.sendMessage(file(path.join(folder, 'none')))).rejects.toMatchObject({
      code: 'BODY_UNREADABLE'
    })
  },
  120_000
)

/** The most memory that a process ever had, in MB. */
function peakMb(pid: number): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) / 1_024
}

const PORT = 20_000 + (process.pid % 20_000)
const CLI = path.resolve(import.meta.dirname, '../../bin/dropr.js')

function dropr(args: string[], out: 'pipe' | number = 'pipe', said: 'inherit' | 'pipe' = 'inherit'): ChildProcess {
  const env = { ...process.env, NODE_OPTIONS: '--max-old-space-size=64', DROPR_PEERS: `tokyo=http://127.0.0.1:${PORT}` }
  return spawn(process.execPath, [CLI, ...args], { stdio: ['ignore', out, said], env, cwd: folder })
}

const ended = (child: ChildProcess) => new Promise<number | null>(done => void child.once('exit', done))

/** Resolves when a node is up. Who sends before that would give the spool another name. */
async function up(child: ChildProcess): Promise<void> {
  const lines = createInterface({ input: child.stderr! })
  const said: string[] = []
  const isUp = new Promise<boolean>(done => {
    lines.on('line', line => (line === 'dropr is up' ? done(true) : said.push(line))).on('close', () => done(false))
  })
  if (!(await isUp)) throw new Error(`a node did not start: ${said.join('\n')}`)
}

/** All processes of a spool, from what they wrote about themselves. */
function pidsBelow(pid: number): number[] {
  const below = readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .flatMap(name => {
      try {
        const parent = Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${name}/status`, 'latin1'))?.[1])
        return parent === pid ? [Number(name)] : []
      } catch {
        return []
      }
    })
  return [pid, ...below.flatMap(pidsBelow)]
}

test.skipIf(process.platform !== 'linux')(
  'A10: a file larger than what any process may use (1 GB in the soak) goes through two nodes with 64 MB of heap each; no process passes 150 MB, and every byte is the same',
  async () => {
    const from = path.join(folder, 'from')
    const to = path.join(folder, 'to')
    const mib = SOAK ? 1_024 : 160
    makeFile(from, mib)
    const tokyo = dropr(['up', '--spool', 'tokyo', '--node', 'tokyo', '--listen', `127.0.0.1:${PORT}`], 'pipe', 'pipe')
    const berlin = dropr(['up', '--spool', 'berlin', '--node', 'berlin', '--listen', '127.0.0.1:0'], 'pipe', 'pipe')
    const peaks = new Map<string, number>()
    const look = (name: string, pids: number[]) => {
      for (const pid of pids) {
        try {
          // What has just ended has no number any more.
          peaks.set(`${name} ${pid}`, Math.max(peaks.get(`${name} ${pid}`) ?? 0, peakMb(pid) || 0))
        } catch {
          // It has ended.
        }
      }
    }
    const began = performance.now()
    const watching = setInterval(() => {
      look('tokyo', pidsBelow(tokyo.pid!))
      look('berlin', pidsBelow(berlin.pid!))
    }, 1_000)
    try {
      await Promise.all([up(tokyo), up(berlin)])
      const send = dropr(['send', 'films', '--file', from, '--to', 'tokyo', '--spool', 'berlin'])
      const sendPeak = setInterval(() => look('send', [send.pid!]), 100)
      expect(await ended(send)).toBe(0)
      clearInterval(sendPeak)
      const sentMs = performance.now() - began
      const fd = openSync(to, 'w')
      const poll = dropr(['poll', 'films', '--wait', '10m', '--spool', 'tokyo'], fd)
      const pollPeak = setInterval(() => look('poll', [poll.pid!]), 100)
      expect(await ended(poll)).toBe(0)
      clearInterval(pollPeak)
      closeSync(fd)
      const allMs = performance.now() - began
      expect(await differsAt(createReadStream(to), mib)).toBeUndefined()
      const said = {
        sentMs: Math.round(sentMs),
        allMs: Math.round(allMs),
        peaksMb: Object.fromEntries([...peaks].map(([name, mb]) => [name, Math.round(mb)]))
      }
      process.stderr.write(`${JSON.stringify(said)}\n`)
      expect(peaks.size).toBeGreaterThanOrEqual(6)
      expect(Math.max(...peaks.values())).toBeLessThan(150)
    } finally {
      clearInterval(watching)
      tokyo.kill('SIGTERM')
      berlin.kill('SIGTERM')
      await Promise.all([ended(tokyo), ended(berlin)])
    }
  },
  600_000
)
