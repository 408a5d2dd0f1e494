import { type ChildProcess, spawn } from 'node:child_process'
import { createReadStream, readdirSync, readFileSync, statSync } from 'node:fs'
import { request } from 'node:http'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { CliWorld } from '../cli/run-cli.ts'
import { differsAt, makeFile } from './large-file.ts'

const CLI = path.resolve(import.meta.dirname, '../../bin/dropr.js')
const PORT = 20_000 + ((process.pid + 7_000) % 20_000)
const MIB = 1_048_576

let world: CliWorld
let folder: string
let node: ChildProcess | undefined

beforeEach(() => {
  world = new CliWorld()
  folder = world.folder
})

afterEach(async () => {
  await stop('SIGTERM')
  await world.end()
})

/** A node in one process; resolves with its pid when it is up. */
async function up(): Promise<number> {
  const env = { ...process.env, NODE_OPTIONS: '--max-old-space-size=64' }
  const args = [CLI, 'up', '--single', '--spool', 'spool', '--node', 'berlin', '--listen', `127.0.0.1:${PORT}`]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'], env, cwd: folder })
  node = child
  let said = ''
  child.stderr!.on('data', text => {
    said += text
  })
  await expect.poll(() => said, { timeout: 20_000 }).toContain('dropr is up')
  return child.pid!
}

async function stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  const child = node
  node = undefined
  if (child === undefined) return
  const ended = new Promise(done => void child.once('exit', done))
  child.kill(signal)
  await ended
}

/** The most memory that a process ever had, in MiB. */
function peakMib(pid: number): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) / 1_024
}

function blobs(room: string): string[] {
  return readdirSync(path.join(folder, 'spool', room), { recursive: true, encoding: 'utf8' }).filter(name =>
    /\.(blob|part)$/.test(name)
  )
}

/** What `dropr clean` says of the spool. */
const clean = async (...flags: string[]) => (await world.json(['clean', ...flags])).value

const call = (url: string, init?: RequestInit) => fetch(`http://127.0.0.1:${PORT}${url}`, init)

/** Sends the body of a PUT from a stream. */
function put(channel: string, headers: Record<string, string | number>) {
  const at = { port: PORT, host: '127.0.0.1', path: `/v1/queues/${channel}`, agent: false }
  const asked = request({ ...at, method: 'PUT', headers })
  const answered = new Promise<number>((resolve, reject) =>
    asked.once('response', answer => answer.resume() && resolve(answer.statusCode!)).on('error', reject)
  )
  return { asked, answered }
}

test.skipIf(process.platform !== 'linux')(
  'E9: 160 MB go in by PUT, with and without their length, and out by GET, with 64 MB of heap; the node grows by less than half of one of them, and every byte is the same',
  async () => {
    const pid = await up()
    const from = path.join(folder, 'from')
    makeFile(from, 160)
    expect((await call('/v1/queues/films', { method: 'PUT', body: Buffer.alloc(MIB) })).status).toBe(201)
    const first = await call('/v1/queues/films?wait=10s')
    expect((await first.arrayBuffer()).byteLength).toBe(MIB)
    await call(`/v1/leases/${first.headers.get('dropr-lease')}/0/ack`, { method: 'POST' })
    const before = peakMib(pid)
    for (const headers of [{ 'content-length': 160 * MIB }, { 'transfer-encoding': 'chunked' }]) {
      const { asked, answered } = put('films', headers as Record<string, string | number>)
      await pipeline(createReadStream(from), asked)
      expect(await answered).toBe(201)
      const taken = await call('/v1/queues/films?wait=60s')
      expect(await differsAt(taken.body!, 160)).toBeUndefined()
      expect((await call(`/v1/leases/${taken.headers.get('dropr-lease')}/0/ack`, { method: 'POST' })).status).toBe(204)
    }
    const grown = peakMib(pid) - before
    process.stderr.write(`${JSON.stringify({ beforeMib: Math.round(before), grownMib: Math.round(grown) })}\n`)
    expect(grown).toBeLessThan(80)
  },
  240_000
)

test.skipIf(process.platform !== 'linux')(
  'E9: 160 MB that are PUT for later lie beside the schedule, through a kill -9 before they are due and one after, and come once, with the same bytes',
  async () => {
    const pid = await up()
    const from = path.join(folder, 'from')
    makeFile(from, 160)
    expect((await call('/v1/queues/films', { method: 'PUT', body: Buffer.alloc(MIB) })).status).toBe(201)
    const before = peakMib(pid)
    const { asked, answered } = put('films', {
      'dropr-delay': '1h',
      'idempotency-key': 'film',
      'content-length': 160 * MIB
    })
    await pipeline(createReadStream(from), asked)
    expect(await answered).toBe(201)
    await expect.poll(() => blobs('schedule').map(name => path.dirname(name)), { timeout: 20_000 }).toEqual(['blobs'])
    const grown = peakMib(pid) - before
    process.stderr.write(`${JSON.stringify({ beforeMib: Math.round(before), grownMib: Math.round(grown) })}\n`)
    expect(grown).toBeLessThan(80)
    await stop('SIGKILL')
    await up()
    const shown = await (await call('/v1/schedule/film')).json()
    expect(shown).toMatchObject({
      state: 'scheduled',
      messages: [{ id: 'film', bytes: 160 * MIB, bodyBytes: 160 * MIB }]
    })
    expect((await call('/v1/schedule/film/now', { method: 'POST' })).status).toBe(200)
    await stop('SIGKILL')
    await up()
    const first = await call('/v1/queues/films?wait=60s&lease=5m')
    expect((await first.arrayBuffer()).byteLength).toBe(MIB)
    const taken = await call('/v1/queues/films?wait=60s&lease=5m')
    expect(taken.headers.get('dropr-id')).toBe('film')
    expect(await differsAt(taken.body!, 160)).toBeUndefined()
    expect((await call(`/v1/leases/${taken.headers.get('dropr-lease')}/0/ack`, { method: 'POST' })).status).toBe(204)
    await expect.poll(() => blobs('schedule'), { timeout: 20_000 }).toEqual([])
    expect((await call('/v1/queues/films?wait=2s')).status).toBe(404)
  },
  240_000
)

test('E9: a node killed in the middle of a PUT has no message of it, and `clean` finds what lay there', async () => {
  await up()
  const { asked, answered } = put('films', { 'content-length': 40 * MIB })
  answered.catch(() => undefined)
  asked.write(Buffer.alloc(8 * MIB, 'x'))
  const bytes = () => blobs('outbox').map(name => statSync(path.join(folder, 'spool/outbox', name)).size)
  await expect.poll(bytes, { timeout: 20_000 }).toEqual([8 * MIB])
  await stop('SIGKILL')
  expect(blobs('outbox')).toHaveLength(1)
  expect(await clean('--dry-run')).toMatchObject({ segments: 0, blobs: 1, dryRun: true })
  const told = await world.run(['clean', '--dry-run'])
  expect(told.stderr).toContain(`0 segments, 1 large bodies, ${8 * MIB} bytes would be removed`)
  expect(blobs('outbox')).toHaveLength(1)
  expect(await clean()).toMatchObject({ segments: 0, blobs: 1, bytes: 8 * MIB })
  expect(blobs('outbox')).toEqual([])
  await up()
  expect((await call('/v1/queues/films')).status).toBe(404)
  expect((await call('/v1/queues/films', { method: 'PUT', body: Buffer.alloc(8 * MIB, 'y') })).status).toBe(201)
  const taken = await call('/v1/queues/films?wait=20s')
  expect(Buffer.from(await taken.arrayBuffer()).equals(Buffer.alloc(8 * MIB, 'y'))).toBe(true)
})
