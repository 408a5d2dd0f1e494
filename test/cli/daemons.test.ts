import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openQueue, startNode } from '../../src/index.ts'
import { take } from '../rows/real-nodes.ts'
import { alive, CliWorld, until } from './run-cli.ts'

let world: CliWorld

beforeEach(() => {
  world = new CliWorld()
})
afterEach(() => world.end())

async function rolesOf(): Promise<{ role: string; pid: number; state: string; restarts: number; lastDeath: object }[]> {
  return (await world.json(['status'])).value.roles
}

test('F17: status ends with 3 where no daemons work, and makes no spool', async () => {
  const { code, value } = await world.json(['status'])
  expect({ code, value }).toEqual({ code: 3, value: { spool: world.spool, running: false, answering: false } })
  expect(existsSync(world.spool)).toBe(false)
})

test('G9 F17: up prints where it is and how to stop it; status tells pids, uptime and version; SIGTERM ends it with 0 and leaves no process', async () => {
  const began = performance.now()
  const up = await world.up('--node', 'berlin')
  expect(up.log()).toMatch(/node +berlin\n/)
  expect(up.log()).toContain(`spool    ${world.spool}\n`)
  expect(up.log()).toContain(`dropr stop --spool ${world.spool}`)
  const { code, value } = await world.json(['status'])
  expect(code).toBe(0)
  expect(value).toMatchObject({ running: true, answering: true, ready: true, node: 'berlin', pid: up.process.pid })
  expect(value.version).toBe(
    JSON.parse(readFileSync(path.resolve(import.meta.dirname, '../../package.json'), 'utf8')).version
  )
  expect(value.uptimeMs).toBeGreaterThan(0)
  expect(value.uptimeMs).toBeLessThan(performance.now() - began)
  expect((await world.run(['status'])).stdout.toString()).toMatch(
    /^node +berlin\n[\s\S]*\npid +\d+\nversion +\d\S*\nup +\d/
  )
  expect(value.listen).toMatch(/^127\.0\.0\.1:\d+$/)
  const pids = value.roles.map((role: { pid: number }) => role.pid)
  expect(pids.length).toBe(3)
  // All it waits for is what the schedulers answer.
  expect(await world.run(['check'])).toMatchObject({ code: 0, stderr: '' })
  up.process.kill('SIGTERM')
  expect(await up.exit).toBe(0)
  expect(pids.filter(alive)).toEqual([])
})

test('C6: stop returns when every process of the spool has gone', async () => {
  const up = await world.up()
  const pids = (await rolesOf()).map(role => role.pid)
  const { code, stdout } = await world.run(['stop'])
  expect(code).toBe(0)
  expect(stdout.toString()).toContain(`stopped process ${up.process.pid}`)
  expect(pids.filter(alive)).toEqual([])
  expect(await up.exit).toBe(0)
  expect((await world.run(['stop'])).code).toBe(0)
})

test('C6: stop ends with 69 while a process is still there', async () => {
  const up = await world.up('--single')
  const pids = [up.process.pid!, ...(await rolesOf()).map(role => role.pid)]
  for (const pid of pids) process.kill(pid, 'SIGSTOP')
  const { code, stderr } = await world.run(['stop', '--within', '1s'])
  for (const pid of pids) process.kill(pid, 'SIGCONT')
  expect(code).toBe(69)
  expect(stderr).toContain('DAEMON_RUNNING')
})

test('B12 PROC-8: a second up names the process that has the spool and ends with 69', async () => {
  const up = await world.up('--single')
  const { code, stderr } = await world.run(['up'])
  expect(code).toBe(69)
  expect(stderr).toContain(`process ${up.process.pid}`)
  expect(stderr).not.toContain('    at ')
})

test('a daemon killed with -9 is started again, and the status says what it died of', async () => {
  await world.up('--roles', 'client')
  const [before] = await rolesOf()
  process.kill(before!.pid, 'SIGKILL')
  let after = before
  await until(async () => {
    after = (await rolesOf())[0]
    return after!.state === 'ready' && after!.pid !== before!.pid
  })
  expect(after).toMatchObject({ restarts: 1, lastDeath: { pid: before!.pid, reason: 'killed by SIGKILL' } })
})

test('C4 PROC-3: when the angel is killed with -9 its daemons end within 5 s, and a new angel starts exactly one of each', async () => {
  const up = await world.up()
  const orphans = (await rolesOf()).map(role => role.pid)
  const killedAt = performance.now()
  up.process.kill('SIGKILL')
  await up.exit
  const ended = until(() => !orphans.some(alive)).then(() => performance.now())
  // At once: the new daemons wait for the old ones to end.
  await world.up()
  expect(orphans.filter(alive)).toEqual([])
  // How long the new ones take to start is not said.
  expect((await ended) - killedAt).toBeLessThan(5_000)
  const roles = await rolesOf()
  expect(roles.map(role => [role.role, role.state, role.restarts])).toEqual([
    ['client', 'ready', 0],
    ['server', 'ready', 0],
    ['scheduler', 'ready', 0]
  ])
})

test('B12 PROC-8: locks and pid files from before a crash or a reboot block nobody', async () => {
  const pidfile = path.join(world.folder, 'dropr.pid')
  // A pid that lives and is not ours.
  writeFileSync(pidfile, `${process.pid}\n`)
  const first = await world.up('--pidfile', pidfile)
  expect(readFileSync(pidfile, 'utf8')).toBe(`${first.process.pid}\n`)
  first.process.kill('SIGKILL')
  await first.exit
  const second = await world.up('--single', '--pidfile', pidfile)
  expect(readFileSync(pidfile, 'utf8')).toBe(`${second.process.pid}\n`)
  await world.run(['stop'])
  await second.exit
  expect(existsSync(pidfile)).toBe(false)
})

test('--daemonize returns when the daemons answer, with a live pid in the pid file and a log file of mode 0600', async () => {
  const { code, value } = await world.json(['up', '--daemonize', '--roles', 'client', '--pidfile', 'p'])
  expect(code).toBe(0)
  expect(alive(value.pid)).toBe(true)
  expect(readFileSync(path.join(world.folder, 'p'), 'utf8')).toBe(`${value.pid}\n`)
  const status = await world.json(['status'])
  expect(status.value).toMatchObject({ running: true, ready: true, pid: value.pid })
  const lines = readFileSync(value.logFile, 'utf8').trim().split('\n')
  expect(lines.map(line => JSON.parse(line).role)).toContain('angel')
  const again = await world.run(['up', '--daemonize'])
  expect(again).toMatchObject({ code: 69, stderr: expect.stringContaining(`process ${value.pid}`) })
  expect((await world.run(['stop'])).code).toBe(0)
  expect(alive(value.pid)).toBe(false)
})

test('--single does it all in one process', async () => {
  const up = await world.up('--single')
  expect((await rolesOf()).map(role => role.pid)).toEqual([up.process.pid, up.process.pid, up.process.pid])
  up.process.kill('SIGINT')
  expect(await up.exit).toBe(0)
})

test('J1: --roles scheduler starts the scheduler only, which hands over what nobody delivers, --roles client the client only', async () => {
  writeFileSync(path.join(world.folder, 'dropr.json'), '{ "peers": { "tokyo": "http://127.0.0.1:9" } }')
  const up = await world.up('--roles', 'scheduler')
  expect((await rolesOf()).map(role => role.role)).toEqual(['scheduler'])
  expect((await world.run(['send', 'c', 'x', '--to', 'tokyo', '--delay', '1s'])).code).toBe(0)
  await until(async () => (await world.run(['ls', '--json'])).stdout.toString().includes('"states":{"pending":1}'))
  up.process.kill('SIGTERM')
  expect(await up.exit).toBe(0)
  await world.up('--roles', 'client')
  expect((await rolesOf()).map(role => role.role)).toEqual(['client'])
})

test('a configuration that is wrong is told at the terminal, with and without --daemonize', async () => {
  writeFileSync(path.join(world.folder, 'dropr.json'), '{ "pears": {} }')
  for (const flags of [[], ['--daemonize'], ['--single']]) {
    const { code, stderr } = await world.run(['up', ...flags])
    expect(code, stderr).toBe(78)
    expect(stderr).toContain('dropr.json')
    expect(stderr).toContain('pears')
    expect(stderr).not.toContain('    at ')
  }
})

test('a port that is taken ends up with 78 and says so, with and without --daemonize', async () => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const listen = `127.0.0.1:${(taken.address() as AddressInfo).port}`
  try {
    for (const flags of [[], ['--daemonize', '--roles', 'server'], ['--single']]) {
      const { code, stderr } = await world.run(['up', '--listen', listen, ...flags])
      expect(code, stderr).toBe(78)
      expect(stderr).toContain(listen)
    }
  } finally {
    taken.close()
  }
})

test('SIGTERM lets messages under way arrive, and what was sent meanwhile arrives after the next start', async () => {
  const token = (await world.json(['token'])).value
  writeFileSync(path.join(world.folder, 'token'), token.token, { mode: 0o600 })
  const accept = { berlin: token.sha256 }
  // Who receives, in this process: only the daemons at home are stopped.
  const spool = path.join(world.folder, 'tokyo')
  const tokyo = await startNode({ spool, node: 'tokyo', config: { listen: 0, accept } })
  try {
    const peers = { tokyo: { url: `http://${tokyo.listen}`, tokenFile: 'token' } }
    writeFileSync(path.join(world.folder, 'dropr.json'), JSON.stringify({ peers }))
    const first = await world.up('--node', 'berlin', '--roles', 'client')
    const lines = (from: number) => Array.from({ length: 2_000 }, (_, i) => String(from + i))
    await world.run(['send', 'c', '--lines', '--to', 'tokyo'], lines(0).join('\n'))
    first.process.kill('SIGTERM')
    expect(await first.exit).toBe(0)
    await world.run(['send', 'c', '--lines', '--to', 'tokyo'], lines(2_000).join('\n'))
    await world.up('--roles', 'client')
    const got = await take(tokyo.queue, 4_000, 'c')
    expect(got.map(message => message.text())).toEqual([...lines(0), ...lines(2_000)])
  } finally {
    await tokyo.close()
  }
})

test('F17 G11: daemons that are stopped and started again under load, as a service script does it, lose nothing', async () => {
  const first = await world.up('--roles', 'client,server', '--log-level', 'warn')
  const queue = await openQueue({ spool: world.spool })
  const sent: Promise<unknown>[] = []
  const got = new Set<string>()
  const consumer = queue.consume('c', message => void got.add(message.text()), { concurrency: 10 })
  let loading = true
  const load = (async () => {
    for (let i = 0; loading; i++) {
      sent.push(queue.sendMessage(String(i), { channel: 'c' }))
      if (i % 20 === 0) await Promise.all(sent.slice(-20))
      await pause(1)
    }
  })()
  await until(() => got.size > 50)
  expect((await world.run(['status'])).code).toBe(0)
  expect((await world.run(['stop'])).code).toBe(0)
  expect(await first.exit).toBe(0)
  expect((await world.run(['status'])).code).toBe(3)
  const before = got.size
  const second = await world.up('--roles', 'client,server', '--log-level', 'warn')
  await until(() => got.size > before + 50)
  loading = false
  await load
  await Promise.all(sent)
  await until(() => got.size >= sent.length)
  expect([...got].sort((a, b) => Number(a) - Number(b))).toEqual(sent.map((_, i) => String(i)))
  await consumer.stop()
  await queue.close()
  second.process.kill('SIGTERM')
  expect(await second.exit).toBe(0)
})
