import { execFile } from 'node:child_process'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { findHolder } from '../../src/system/lock.ts'
import { nodeSystem } from '../../src/system/node-system.ts'
import { SOAK } from '../soak.ts'
import { BIN, type Program, QUICK, RealWorld, signalQuietly, take, until } from './real-world.ts'

/** `npm run soak`: eight of each, and often; else enough to be several. */
const EACH = SOAK ? 8 : 2
const ROUNDS = SOAK ? 5 : 1
const HELD_MS = 60_000

const run = promisify(execFile)
let world: RealWorld

beforeEach(() => {
  world = new RealWorld()
})
afterEach(() => world.end(), 60_000)

/** Sends a few at a time until it is told to end, and says which are safe. */
const PRODUCER = `
  const [spool, name, everyMs] = args
  const queue = await openQueue({ spool, node: 'spool' })
  let going = true
  process.stdin.once('data', () => { going = false })
  for (let n = 0; going; n += 5) {
    const bodies = Array.from({ length: 5 }, (_, i) => name + ' ' + (n + i))
    await Promise.all(bodies.map(body => queue.sendMessage(body, { channel: 'c' })))
    for (const body of bodies) console.log('sent', body)
    await new Promise(resolve => setTimeout(resolve, Number(everyMs)))
  }
  await queue.close()
  process.exit(0)`

/** Takes a few at a time, says so, works a moment, and says what became of its verdicts. */
const CONSUMER = `
  const queue = await openQueue({ spool: args[0], node: 'spool' })
  for (;;) {
    const messages = await queue.poll({ channel: 'c', max: 8, wait: '1s', lease: ${HELD_MS} }).catch(() => [])
    for (const message of messages) console.log('has', message.body)
    await new Promise(resolve => setTimeout(resolve, 20))
    await Promise.all(messages.map(message => message.ack().then(
      () => console.log('done', message.body), error => console.log(error.code, message.body))))
  }`

function said(programs: readonly Program[], word: string): string[] {
  const lines = programs.flatMap(program => program.lines)
  return lines.filter(line => line.startsWith(`${word} `)).map(line => line.slice(word.length + 1))
}

/** The process that owns the inbox now, another than `not`. */
async function owner(spool: string, not?: number): Promise<{ pid: number; role: string }> {
  let found: { pid: number; role: string } | undefined
  await until(async () => {
    const holder = await findHolder(nodeSystem(), { folder: path.join(spool, 'run'), name: 'owner' }).catch(
      () => 'silent'
    )
    if (typeof holder !== 'object') return false
    holder.line.end()
    found = holder.about as unknown as { pid: number; role: string }
    return found.pid !== not
  })
  return found!
}

/** Until some more has been done. */
async function goOn(consumers: readonly Program[]): Promise<void> {
  const before = said(consumers, 'done').length
  await holdsSoon(() => said(consumers, 'done').length >= before + 20, HELD_MS)
}

/** As `until`, but seldom: what was printed is much. */
async function holdsSoon(holds: () => boolean, msMax: number): Promise<void> {
  const end = performance.now() + msMax
  while (!holds()) {
    if (performance.now() > end) throw new Error(`not so after ${msMax} ms: ${holds.toString()}`)
    await pause(SOAK ? 500 : 25)
  }
}

test('B12 PROC-1: several producers and consumers on one spool, their owner killed and stopped, a server coming, killed and going: nothing is lost, nothing is held by two, and what the dead held comes back at once', async () => {
  const spool = world.spool('spool')
  const everyMs = SOAK ? '40' : '20'
  const consumers = Array.from({ length: EACH + 1 }, () => world.program(CONSUMER, { args: [spool] }))
  const producers = Array.from({ length: EACH }, (_, i) => world.program(PRODUCER, { args: [spool, `p${i}`, everyMs] }))
  const killed: Program[] = []
  const byPid = (pid: number) => consumers.find(({ child }) => child.pid === pid)
  await goOn(consumers)
  for (let round = 0; round < ROUNDS; round++) {
    // No daemon: the owner is one of the consumers. Killed, another takes over.
    const first = await owner(spool)
    expect(first.role).toBe('application')
    const victim = byPid(first.pid)!
    victim.kill('SIGKILL')
    killed.push(victim)
    const second = await owner(spool, first.pid)
    consumers.push(world.program(CONSUMER, { args: [spool] }))
    await goOn(consumers)
    // Stopped for a while, it is the owner still; nobody else takes its place.
    signalQuietly(second.pid, 'SIGSTOP')
    await pause(1_000)
    signalQuietly(second.pid, 'SIGCONT')
    await goOn(consumers)
    expect(await owner(spool)).toMatchObject({ pid: second.pid })
    // A server takes over in order; a second one is refused, with the pid of the first; killed, it comes back; stopped, it hands back.
    const node = await world.up('spool', { roles: 'server', config: { limits: QUICK } })
    const server = await owner(spool, second.pid)
    expect(server.role).toBe('server')
    await goOn(consumers)
    const up = [BIN, 'up', '--spool', spool, '--roles', 'server', '--listen', '127.0.0.1:0']
    const refused = await run(process.execPath, up, { cwd: world.folder }).catch(error => error)
    expect(refused.code).toBeGreaterThan(0)
    expect(refused.stderr).toMatch(/DAEMON_RUNNING.* process \d+/)
    process.kill(server.pid, 'SIGKILL')
    await owner(spool, server.pid)
    await goOn(consumers)
    await node.stop()
    expect((await owner(spool, server.pid)).role).toBe('application')
    await goOn(consumers)
  }
  for (const producer of producers) producer.child.stdin!.write('end\n')
  expect(await Promise.all(producers.map(({ ended }) => ended))).toEqual(producers.map(() => 0))
  // What a process had when it died may be done though it did not come to say so.
  const held = new Set(said(killed, 'has'))
  const sent = said(producers, 'sent')
  const rest = () => {
    const done = new Set(said(consumers, 'done'))
    return sent.filter(body => !done.has(body) && !held.has(body)).length
  }
  // Leases last a minute: what waits for none of them to end came back before.
  for (let left = rest(); left > 0; left = rest()) {
    const before = left
    await holdsSoon(() => rest() < before, HELD_MS / 2)
  }
  const done = said(consumers, 'done')
  const known = new Set(sent)
  expect(done.filter(body => !known.has(body))).toEqual([])
  const seen = new Set<string>()
  const twice = done.filter(body => seen.size === seen.add(body).size)
  expect(twice.filter(body => !held.has(body))).toEqual([])
  expect(said(consumers, 'LEASE_LOST')).toEqual([])
  for (const consumer of consumers) consumer.kill('SIGKILL')
  expect(await take(await world.queue('spool'), 'c', 1, 500)).toEqual([])
}, 300_000)
