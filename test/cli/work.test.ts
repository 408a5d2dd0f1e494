import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openRooms } from '../../src/cli/ls-rooms.ts'
import { runWork } from '../../src/cli/run-work.ts'
import type { WorkOptions } from '../../src/cli/work.ts'
import { factName, workEnv } from '../../src/cli/work-env.ts'
import { Tail, verdictOf } from '../../src/cli/work-verdict.ts'
import { Worker } from '../../src/cli/worker.ts'
import { openQueue } from '../../src/index.ts'
import { LIMITS } from '../../src/limits.ts'
import { configFromEnv, envName } from '../../src/spool/config-env.ts'
import { nodeSystem } from '../../src/system/node-system.ts'
import { CliDesk, values } from './in-process.ts'
import { CliWorld, until } from './run-cli.ts'

let desk: CliDesk

beforeEach(() => {
  desk = new CliDesk()
})
afterEach(() => desk.end())

/** `dropr work c --wait 0s … -- sh -c <script>`: what is there, then the end. */
async function work(script: string, options: Partial<WorkOptions> & { json?: boolean } = {}): Promise<number> {
  const given = { concurrency: 1, releaseAfter: '1h', wait: '200s', max: 1, ...options }
  const call = desk.call(given, 'c')
  ;(call.args as unknown[]).push(['sh', '-c', script])
  const code = await runWork(call)
  printed = call.printed()
  return code
}
let printed = ''

async function send(bodies: string[], headers: Record<string, string> = {}): Promise<void> {
  const queue = await openQueue({ spool: desk.spool })
  await queue.sendMessages(bodies, { channel: 'c', headers })
  await queue.close()
}

async function states(): Promise<string[]> {
  const rows: string[] = []
  for (const room of await openRooms(nodeSystem(), desk.spool))
    if (room.room === 'inbox')
      for await (const batch of room.batches())
        for (const { state, attempts, reason } of batch) rows.push([state, attempts, reason].join(' '))
  return rows
}

test('F19: work gives each body to a command, acknowledges at exit code 0, and ends after --max', async () => {
  await send(['one\n', 'two\n', 'three\n', 'four\n'])
  const out = path.join(desk.folder, 'out')
  expect(await work(`cat >> ${out}`, { max: 3, json: true })).toBe(0)
  expect(readFileSync(out, 'utf8')).toBe('one\ntwo\nthree\n')
  expect(await states()).toEqual(['done 0 ', 'done 0 ', 'done 0 ', 'pending 0 '])
  expect(values(printed)).toMatchObject([{ exit: 0, verdict: 'ack' }, { exit: 0 }, { exit: 0 }])
  expect(await work('cat > /dev/null', { wait: '0s', max: 9 })).toBe(0)
  expect(await work('cat > /dev/null', { wait: '0s', max: 9 })).toBe(1)
})

test('F19: exit code 75 gives a message back unharmed, another one is a failed attempt whose reason is the end of stderr', async () => {
  await send(['a'])
  await work('exit 75')
  expect(await states()).toEqual(['pending 0 '])
  await send(['b'])
  await work('echo "no such customer" >&2; exit 3')
  expect(await states()).toEqual(['pending 0 ', 'pending 1 exit code 3: no such customer'])
})

test('a command that does not exist costs no message an attempt, and ends the worker', async () => {
  await send(['a'])
  const call = desk.call({ concurrency: 1, releaseAfter: '1s' }, 'c')
  ;(call.args as unknown[]).push([path.join(desk.folder, 'nothing-here')])
  await expect(runWork(call)).rejects.toThrow(/cannot run .*nothing-here: ENOENT/)
  expect(await states()).toEqual(['pending 0 '])
})

test('a command is told of its message in variables, and the lease holds as long as it runs', async () => {
  await send(['a'], { 'content-type': 'text/plain', 'Odd name': 'x' })
  const out = path.join(desk.folder, 'out')
  const script = `sleep 0.5; echo "$DROPR_CHANNEL $DROPR_ATTEMPT $DROPR_H_CONTENT_TYPE $DROPR_HEADERS" > ${out}`
  await work(script, { lease: '1s', result: true })
  expect(readFileSync(out, 'utf8')).toBe('c 1 text/plain {"content-type":"text/plain","Odd name":"x"}\n')
})

test('SEC-2: whatever headers a message has, none becomes a variable that is part of the configuration', () => {
  const known = new Set(Object.keys(LIMITS).map(envName))
  for (const fact of ['id', 'channel', 'priority', 'from', 'sentAt', 'receivedAt', 'attempt', 'deliveries', 'kind'])
    expect(known.has(factName(fact))).toBe(false)
  expect([...known].filter(name => name.startsWith('DROPR_H_'))).toEqual([])
  const message = {
    id: 'i',
    channel: 'c',
    priority: 4,
    from: 'berlin',
    sentAt: 1,
    receivedAt: 2,
    attempt: 1,
    deliveries: 1,
    kind: 'text' as const
  }
  const before = JSON.stringify(configFromEnv({}).config)
  const name = fc.oneof(fc.string({ minLength: 1 }), fc.constantFrom('bytes-max', 'PATH', 'token_tokyo', '../x', 'a=b'))
  fc.assert(
    fc.property(fc.dictionary(name, fc.string()), headers => {
      const env = workEnv({ ...message, headers }, { PATH: '/bin', DROPR_H_OLD: 'x' })
      expect(env.PATH).toBe('/bin')
      expect(env.DROPR_H_OLD === undefined || Object.keys(headers).some(key => /^old$/i.test(key))).toBe(true)
      expect(JSON.stringify(configFromEnv(env).config)).toBe(before)
      for (const [key, value] of Object.entries(env)) {
        expect(key).toMatch(/^[A-Z0-9_]+$/)
        expect(value).not.toContain('\0')
      }
    })
  )
  const twice = workEnv({ ...message, headers: { 'a-b': '1', A_B: '2', c: 'x\0' } }, {})
  expect([twice.DROPR_H_A_B, twice.DROPR_H_C]).toEqual([undefined, undefined])
  expect(JSON.parse(twice.DROPR_HEADERS!)).toEqual({ 'a-b': '1', A_B: '2', c: 'x\0' })
})

test.each([
  [{ code: 0, signal: undefined }, false, 'ack'],
  [{ code: 0, signal: undefined }, true, 'ack'],
  [{ code: 75, signal: undefined }, false, 'release'],
  [{ code: 1, signal: undefined }, false, 'retry'],
  [{ code: 1, signal: undefined }, true, 'release'],
  [{ code: undefined, signal: 'SIGKILL' as const }, false, 'retry'],
  [{ code: undefined, signal: undefined, error: new Error('ENOENT') }, false, 'stop']
])('a command that ends with %j, told to stop: %s, means %s', (exit, stopping, verdict) => {
  expect(verdictOf(exit, { tail: '', stopping }).verdict).toBe(verdict)
})

test('the end of a long stderr is kept, and nothing else of it', () => {
  const tail = new Tail(10)
  for (let i = 0; i < 1_000; i++) tail.add(Buffer.from(`line ${i}\n`))
  expect(tail.text).toBe('\nline 999'.trim())
})

test('F19: SIGTERM is passed on to the commands; what does not end is killed after the grace, and its message comes back', async () => {
  await send(['stubborn'])
  const pids = path.join(desk.folder, 'pids')
  writeFileSync(pids, '')
  const queue = await openQueue({ spool: desk.spool })
  const message = (await queue.poll({ channel: 'c', wait: '5s' }))!
  const worker = new Worker({
    command: 'sh',
    args: ['-c', `trap 'echo term >> ${pids}' TERM; sleep 60 & echo $$ $! > ${pids}; wait; wait; sleep 60`],
    env: process.env,
    clock: nodeSystem().clock,
    leaseMs: 60_000,
    graceMs: 300,
    releaseAfterMs: 0,
    result: false,
    json: true,
    onStderr: () => undefined
  })
  const worked = worker.work(message)
  await until(() => readFileSync(pids, 'utf8').endsWith('\n'))
  const started = readFileSync(pids, 'utf8').trim().split(' ').map(Number)
  worker.stop('SIGTERM')
  expect(await worked).toMatchObject({ verdict: 'release', signal: 'SIGKILL' })
  expect(readFileSync(pids, 'utf8')).toContain('term')
  await until(() => started.every(pid => !isThere(pid)))
  await queue.close()
  expect(await states()).toEqual(['pending 0 '])
})

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !/ Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

test('F19: the installed command works with what stands behind --, and Ctrl-C lets it finish what is in hand', async () => {
  const world = new CliWorld()
  try {
    await world.run(['send', 'c', '--lines'], 'one\ntwo\n')
    const out = path.join(world.folder, 'out')
    writeFileSync(out, '')
    const script = `trap '' INT; cat >> ${out}; echo >> ${out}; sleep 0.3; echo done --json >> ${out}`
    const child = world.start(['work', 'c', '--', 'sh', '-c', script])
    await until(() => readFileSync(out, 'utf8').includes('one'))
    child.kill('SIGINT')
    const code = await new Promise(resolve => child.once('exit', resolve))
    expect(code).toBe(0)
    expect(readFileSync(out, 'utf8')).toBe('one\ndone --json\n')
    expect((await world.run(['poll', 'c'])).stdout.toString()).toBe('two')
  } finally {
    await world.end()
  }
})

test('F12 F13: top shows two workers, who works on what for how long, and neither once it has ended, also after kill -9', async () => {
  const world = new CliWorld()
  try {
    await world.run(['send', 'c', 'x', '--id', 'm1'])
    const started = path.join(world.folder, 'started')
    const busy = world.start(['work', 'c', '--', 'sh', '-c', `echo > ${started}; sleep 60`])
    const idle = world.start(['work', 'mail', '--', 'cat', '-'])
    const workers = async () => (await world.json(['top', '--once'])).value.workers
    await until(async () => existsSync(started) && (await workers()).length === 2)
    const shown = await workers()
    shown.sort((a: { channel: string }, b: { channel: string }) => (a.channel < b.channel ? -1 : 1))
    expect(shown).toMatchObject([
      {
        pid: busy.pid,
        channel: 'c',
        finished: 0,
        running: [{ id: 'm1' }],
        command: expect.stringMatching(/^sh -c echo > /)
      },
      { pid: idle.pid, channel: 'mail', running: [], command: 'cat -' }
    ])
    expect(Date.now() - shown[0].running[0].since).toBeLessThan(60_000)
    const text = (await world.run(['top', '--once'])).stdout.toString()
    expect(text).toMatch(/\d+ +c +running +\d+ m?s.* +0 +m1 +sh -c/)
    expect(text).toMatch(/\d+ +mail +idle +- +0 +- +cat -/)
    idle.kill('SIGKILL')
    await until(async () => (await workers()).length === 1)
    busy.kill('SIGTERM')
    await until(async () => (await workers()).length === 0)
    expect((await world.run(['poll', 'c', '--wait', '10s'])).stdout.toString()).toBe('x')
  } finally {
    await world.end()
  }
})
