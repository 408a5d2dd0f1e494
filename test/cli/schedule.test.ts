import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openQueue } from '../../src/index.ts'
import { CliWorld, until } from './run-cli.ts'

let world: CliWorld

beforeEach(() => {
  world = new CliWorld()
})
afterEach(() => world.end())

async function pidsOf(): Promise<number[]> {
  return (await world.json(['status'])).value.roles.map((role: { pid: number }) => role.pid)
}

async function lines(args: string[]): Promise<{ code: number | null; values: Record<string, unknown>[] }> {
  const { code, stdout } = await world.run([...args, '--json'])
  const text = stdout.toString().trim()
  return { code, values: text === '' ? [] : text.split('\n').map(line => JSON.parse(line)) }
}

test('H3 H24: what was scheduled while nothing ran survives kill -9 of everything, goes once, not early, and says when it was due', async () => {
  const early = await world.up('--single')
  await world.run(['stop'])
  await early.exit
  const at = Date.now() + 4_000
  const sent = await world.json(['send', 'c', 'x', '--at', new Date(at).toISOString()])
  expect(sent.value).toMatchObject({ state: 'scheduled', durability: 'synced', dueAt: new Date(at).toISOString() })
  const first = await world.up()
  for (const pid of [...(await pidsOf()), first.process.pid!]) process.kill(pid, 'SIGKILL')
  await first.exit
  await world.up('--single')
  const { code, value } = await world.json(['poll', 'c', '--wait', '20s'])
  const now = Date.now()
  expect(code).toBe(0)
  expect(now).toBeGreaterThanOrEqual(at)
  expect(value).toMatchObject({ id: sent.value.id, body: 'x', headers: { 'dropr-due-at': sent.value.dueAt } })
  expect(value.sentAt).toBeGreaterThanOrEqual(at)
  expect((await world.run(['poll', 'c', '--wait', '3s'])).code).toBe(1)
})

test('what is due while the daemons run arrives at once: the scheduler pokes who takes it further', async () => {
  // So rarely does anybody look by itself.
  await world.up('--roles', 'server,scheduler', '--limit', 'scanMs=60000')
  await using queue = await openQueue({ spool: world.spool })
  const at = Date.now() + 3_000
  // Not `dropr poll`, which also loads, prints, acknowledges and closes.
  const taken = queue.poll({ channel: 'c', wait: 20_000 }).then(message => ({ message, lateMs: Date.now() - at }))
  await world.run(['send', 'c', 'x', '--at', String(at)])
  const { message, lateMs } = await taken
  expect(message?.text()).toBe('x')
  expect(lateMs).toBeLessThan(2_000)
  await message?.ack()
})

test('the scheduler is a daemon: killed with -9 it is started again, and status says what it holds', async () => {
  await world.up('--roles', 'scheduler')
  await world.run(['send', 'c', 'x', '--delay', '1d'])
  const [pid] = await pidsOf()
  process.kill(pid!, 'SIGKILL')
  await until(async () => {
    const { roles, schedule } = (await world.json(['status'])).value
    const role = roles.find((one: { role: string }) => one.role === 'scheduler')
    return role.restarts === 1 && role.state === 'ready' && schedule[0]?.held === 1
  })
})

test('H1 H19: schedule ls, show, move, edit, now and cancel do it, with and without the daemons, and say when it is too late', async () => {
  const { value: a } = await world.json(['send', 'orders', '{"n":1}', '--delay', '2d', '--id', 'a'])
  await world.run(['send', 'other', 'b', '--delay', '3d', '--id', 'b'])
  expect(a).toMatchObject({ id: 'a', state: 'scheduled' })
  for (const daemons of [false, true]) {
    if (daemons) await world.up('--single')
    const all = await lines(['schedule', 'ls'])
    expect(all).toMatchObject({ code: 0, values: [{ id: 'a', channel: 'orders' }, { id: 'b' }] })
    expect((await lines(['schedule', 'ls', '--channel', 'other'])).values).toMatchObject([{ id: 'b' }])
    expect((await lines(['schedule', 'ls', '--limit', '1'])).values).toMatchObject([{ id: 'a' }, { next: /\d/ }])
    const moved = await lines(['schedule', 'move', 'a', '2099-01-02T03:04:05Z'])
    expect(moved).toMatchObject({ code: 0, values: [{ done: true, dueAt: Date.parse('2099-01-02T03:04:05Z') }] })
    expect((await world.run(['schedule', 'move', 'a', '1d'])).code).toBe(0)
    expect((await world.run(['schedule', 'move', 'a', '2014-08-01 13:30:00', '--reject-past'])).code).toBe(65)
    expect((await world.run(['schedule', 'edit', 'a', `{"n":${daemons}}`])).code).toBe(0)
    expect((await lines(['schedule', 'show', 'a'])).values).toMatchObject([{ id: 'a', body: `{"n":${daemons}}` }])
    expect((await lines(['forecast'])).values.reduce((sum, row) => sum + Number(row.messages), 0)).toBe(2)
  }
  expect((await world.run(['schedule', 'now', 'a'])).stdout.toString()).toBe('a was handed over\n')
  expect((await world.run(['poll', 'orders', '--wait', '20s'])).stdout.toString()).toBe('{"n":true}')
  const late = await world.run(['schedule', 'cancel', 'a'])
  expect(late).toMatchObject({ code: 1, stderr: 'dropr: a was handed over before\n' })
  expect((await world.run(['schedule', 'cancel', 'b'])).stdout.toString()).toBe('b is cancelled\n')
  expect((await world.run(['schedule', 'show', 'nobody'])).code).toBe(1)
  expect((await world.run(['schedule', 'ls'])).code).toBe(1)
})

test('H1: by the library, the command and HTTP the same is held for the same moment, and each goes once, when it is due', async () => {
  await world.up('--roles', 'server,scheduler')
  const { listen, node } = (await world.json(['status'])).value
  await using queue = await openQueue({ spool: world.spool })
  const at = Date.now() + 4_000
  const deliverAt = new Date(at).toISOString()
  const told = await queue.sendMessage('x', { channel: 'c', id: 'api', deliverAt })
  expect((await world.run(['send', 'c', 'x', '--id', 'cli', '--at', deliverAt])).code).toBe(0)
  const json = JSON.stringify({ body: 'x', channel: 'c', id: 'http', deliverAt })
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(`http://${listen}/v1/messages`, { method: 'POST', headers, body: json })
  expect([answer.status, ((await answer.json()) as { dueAt: string }).dueAt]).toEqual([201, told.dueAt])
  const shown = []
  for (const id of ['api', 'cli', 'http']) {
    const { messages } = await queue.schedule.show(id)
    const { sentAt, ...one } = messages[0]!
    expect([messages.length, one.id, sentAt <= Date.now()]).toEqual([1, id, true])
    shown.push({ ...one, id: '' })
  }
  expect(shown[0]).toMatchObject({ to: node, channel: 'c', priority: 4, dueAt: at, kind: 'text' })
  expect(shown).toEqual([shown[0], shown[0], shown[0]])
  const got: string[] = []
  while (got.length < 3) {
    const message = (await queue.poll({ channel: 'c', wait: '20s' }))!
    expect(Date.now()).toBeGreaterThanOrEqual(at)
    got.push(message.id)
    await message.ack()
  }
  expect(got.sort()).toEqual(['api', 'cli', 'http'])
  expect(await queue.poll({ channel: 'c', wait: 500 })).toBeUndefined()
})

test('H25: tick hands over what is due without a daemon and beside one, a line for each, nothing twice, and 1 when one failed', async () => {
  await world.run(['send', 'c', 'past', '--at', '2014-08-01T13:30', '--id', 'p'])
  await world.run(['send', 'c', 'later', '--delay', '1d'])
  const ticked = await lines(['tick'])
  expect(ticked).toMatchObject({ code: 0, values: [{ id: 'p', channel: 'c' }] })
  expect(await lines(['tick'])).toEqual({ code: 0, values: [] })
  await world.up('--single')
  expect((await lines(['tick'])).code).toBe(0)
  expect((await world.run(['poll', 'c', '--wait', '10s'])).stdout.toString()).toBe('past')
  await pause(100)
  expect((await world.run(['poll', 'c'])).code).toBe(1)
  const { node } = (await world.json(['status'])).value
  writeFileSync(path.join(world.spool, 'outbox', node, 'stuck'), 'in the way')
  await world.run(['send', 'stuck', 'x', '--delay', '0s'])
  const failed = await lines(['tick'])
  expect(failed).toMatchObject({ code: 1, values: [{ channel: 'stuck', code: expect.stringMatching(/^DISK_/) }] })
})

test('times that make no sense are usage errors, those that have passed DUE_PAST; the zone is that of the configuration', async () => {
  writeFileSync(path.join(world.folder, 'dropr.json'), '{ "schedule": { "zone": "Asia/Tokyo" } }')
  const { value } = await world.json(['send', 'c', 'x', '--at', '2099-08-01 13:30:00'])
  expect(value.dueAt).toBe('2099-08-01T04:30:00.000Z')
  expect((await world.run(['send', 'c', 'x', '--at', 'soonish'])).code).toBe(2)
  expect((await world.run(['send', 'c', 'x', '--at', '1d', '--delay', '1d'])).code).toBe(2)
  expect((await world.run(['send', 'c', 'x', '--at', '2014-08-01', '--reject-past'])).code).toBe(65)
  expect((await world.run(['schedule', 'ls', '--from', 'soonish'])).code).toBe(2)
  writeFileSync(path.join(world.folder, 'dropr.json'), '{ "schedule": { "zone": "Mars/North" } }')
  const bad = await world.run(['config', 'check'])
  expect(bad).toMatchObject({ code: 2, stderr: expect.stringContaining('schedule.zone') })
})
