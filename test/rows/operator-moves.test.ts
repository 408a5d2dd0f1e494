import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { BIN, Program, QUICK, RealWorld, take, until } from './real-world.ts'

let world: RealWorld

beforeEach(() => {
  world = new RealWorld()
})
afterEach(() => world.end())

/** The command as an operator types it. */
async function dropr(args: string[], input = ''): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const program = new Program(spawn(process.execPath, [BIN, ...args], { cwd: world.folder, stdio: 'pipe' }))
  program.child.stdin!.end(input)
  const code = await program.ended
  return { code, stdout: program.stdout, stderr: program.stderr }
}

test('C16 F14: of 1,000 messages one is always refused: 999 arrive, the dead letter says why, and redriven it arrives', async () => {
  const limits = { ...QUICK, messageBytesMax: 1_024 }
  const tokyo = await world.up('tokyo', { config: { limits }, flags: ['--single'] })
  const config = { limits: QUICK, peers: { tokyo: tokyo.url } }
  const berlin = await world.up('berlin', { config, flags: ['--single'] })
  const lines = Array.from({ length: 1_000 }, (_, i) => (i === 500 ? `poison ${'x'.repeat(2_000)}` : `message ${i}`))
  const here = await world.queue('berlin', config)
  await here.sendMessages(lines, { to: 'tokyo', channel: 'orders' })
  const there = await world.queue('tokyo', { limits })
  const got = await take(there, 'orders', 999)
  expect(got.map(({ body }) => body)).toEqual(lines.filter((_, i) => i !== 500))

  const dead = async (...args: string[]) => await dropr(['dead', ...args, '--spool', berlin.spool])
  await until(async () => (await here.dead.list()).letters.length > 0)
  const listed = await dead('ls', '--json', '--peer', 'tokyo', '--match', 'poison')
  const letter = JSON.parse(listed.stdout)
  expect(letter).toMatchObject({
    channel: 'orders',
    from: 'berlin',
    to: 'tokyo',
    code: 'MESSAGE_TOO_LARGE',
    state: 'dead'
  })
  expect(letter.attempts).toMatchObject([{ reason: expect.stringContaining('tokyo refused it') }])

  // Nobody means everything without saying so; a dry run changes nothing.
  expect(await dead('redrive')).toMatchObject({ code: 2, stderr: expect.stringContaining('--all') })
  expect(await dead('redrive', '--all', '--dry-run')).toMatchObject({
    code: 0,
    stdout: `${letter.id}\n`,
    stderr: '1 message would be redriven\n'
  })
  expect((await here.dead.list()).letters).toHaveLength(1)

  // The peer was told to take larger ones.
  writeFileSync(path.join(tokyo.spool, 'dropr.json'), JSON.stringify({ limits: QUICK }), { mode: 0o600 })
  process.kill(tokyo.pid, 'SIGHUP')
  await until(() => tokyo.log.includes('the configuration was read again'))
  const redriven = await dropr(
    ['dead', 'redrive', '-', '--rate', '100/s', '--json', '--spool', berlin.spool],
    `${letter.id}\n`
  )
  expect({ ...redriven, stdout: JSON.parse(redriven.stdout) }).toMatchObject({
    code: 0,
    stdout: { moved: 1, left: {}, dryRun: false }
  })
  const [again, ...more] = await take(there, 'orders', 1)
  expect(more).toEqual([])
  expect(again).toMatchObject({ id: letter.id, body: lines[500], deliveries: 1 })
  expect(await dead('ls')).toMatchObject({ code: 1, stdout: '' })
  // The server of the other node owns the inbox: it does what its operator asks.
  const moved = async (...args: string[]) => await dropr([...args, '--spool', tokyo.spool])
  expect(await moved('replay', letter.id)).toMatchObject({ code: 0, stderr: '1 message replayed\n' })
  expect(await moved('purge', '--match', 'poison*')).toMatchObject({ code: 0, stderr: '1 message destroyed\n' })
  expect((await here.dead.list({ state: 'moved' })).letters).toMatchObject([{ id: letter.id }])
})
