import { randomBytes } from 'node:crypto'
import { existsSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { CliWorld, until } from './run-cli.ts'

let world: CliWorld

beforeEach(() => {
  world = new CliWorld()
})
afterEach(() => world.end())

const lines = (bytes: Buffer) => bytes.toString().trimEnd().split('\n')

test('F18: what is piped into send comes out of poll byte for byte, once, with no daemon', async () => {
  const sent = await world.exec(['send', 'c'], 'hi\n')
  expect(sent.code, sent.stderr).toBe(0)
  expect(sent.stdout.toString()).toMatch(/^[0-9a-f-]{36}\n$/)
  const polled = await world.exec(['poll', 'c'])
  expect({ ...polled, stdout: polled.stdout.toString() }).toEqual({ code: 0, stdout: 'hi\n', stderr: '' })
  const again = await world.exec(['poll', 'c'])
  expect({ ...again, stdout: again.stdout.toString() }).toEqual({ code: 1, stdout: '', stderr: '' })
})

test('a body of any bytes comes back the same, from standard input and from a file', async () => {
  const body = Buffer.concat([randomBytes(100_000), Buffer.from([0, 10, 13, 255])])
  writeFileSync(path.join(world.folder, 'body'), body)
  await world.run(['send', 'c', '-'], body)
  await world.run(['send', 'c', '--file', 'body'])
  for (const _ of [1, 2]) expect((await world.run(['poll', 'c'])).stdout.equals(body)).toBe(true)
})

test('an empty body is a body', async () => {
  expect((await world.run(['send', 'c', ''])).code).toBe(0)
  expect((await world.run(['send', 'c'], '')).code).toBe(0)
  for (const _ of [1, 2]) {
    const { code, stdout } = await world.run(['poll', 'c'])
    expect([code, stdout.length]).toEqual([0, 0])
  }
  expect((await world.run(['poll', 'c'])).code).toBe(1)
})

test('F18: --lines makes a message of each line, in order, and poll --lines gives the lines back', async () => {
  const text = Array.from({ length: 5_000 }, (_, i) => `line ${i} ü`).join('\n')
  const sent = await world.run(['send', 'c', '--lines'], text)
  expect(sent.code, sent.stderr).toBe(0)
  expect(new Set(lines(sent.stdout)).size).toBe(5_000)
  const first = await world.run(['poll', 'c', '--lines', '--max', '1200'])
  const rest = await world.run(['poll', 'c', '--lines', '--max', '1000000'])
  expect(Buffer.concat([first.stdout, rest.stdout]).toString()).toBe(`${text}\n`)
  expect(lines(first.stdout).length).toBe(1_200)
})

test('--json tells all of a message, and a body that is no text as base64', async () => {
  const flags = ['--id', 'order-1', '--priority', '7', '--header', 'kind=new', '--header', 'a=b=c', '--ttl', '2h']
  const sent = await world.json(['send', 'c', 'hello', ...flags])
  expect(sent.value).toMatchObject({ id: 'order-1', durability: 'synced' })
  await world.run(['send', 'c', '-'], Buffer.from([255, 0]))
  const { value } = await world.json(['poll', 'c'])
  expect(value).toMatchObject({
    id: 'order-1',
    channel: 'c',
    priority: 7,
    headers: { kind: 'new', a: 'b=c' },
    body: 'hello',
    attempt: 1,
    deliveries: 1,
    redelivered: false
  })
  expect((await world.json(['poll', 'c'])).value).toMatchObject({ bodyBase64: '/wA=' })
})

test('--peek prints messages and leaves them there', async () => {
  await world.run(['send', 'c', '--lines'], 'a\nb\nc\n')
  const peeked = await world.run(['poll', 'c', '--peek', '--lines', '--max', '10'])
  expect(peeked.stdout.toString()).toBe('a\nb\nc\n')
  const polled = await world.run(['poll', 'c', '--lines', '--max', '10'])
  expect(polled.stdout.toString()).toBe('a\nb\nc\n')
})

test('--wait waits for a message that is sent later, and ends with 1 when none comes', async () => {
  const none = await world.run(['poll', 'c', '--wait', '1s'])
  expect(none.code).toBe(1)
  const waiting = world.run(['poll', 'c', '--wait', '20s'])
  await world.run(['send', 'c', 'late'])
  const { code, stdout } = await waiting
  expect([code, stdout.toString()]).toEqual([0, 'late'])
})

test('a message that could not be printed is given back', async () => {
  await world.run(['send', 'c', 'precious'])
  const poll = world.start(['poll', 'c', '--wait', '20s'])
  poll.stdout!.destroy()
  const code = await new Promise(resolve => {
    poll.once('exit', resolve)
  })
  // The pipe may have taken it before it was closed only when poll was faster than us.
  expect(code).toBe(141)
  expect((await world.run(['poll', 'c'])).stdout.toString()).toBe('precious')
})

test.each([
  [['send'], 'missing required argument'],
  [['send', 'c', 'x', '--lines', '--id', 'i'], '--id names one message'],
  [['send', 'c', 'x', '--priority', '10'], 'from 0 to 9'],
  [['send', 'c', 'x', '--header', 'novalue'], 'name=value'],
  [['send', 'c', 'x', '--ttl', 'soon'], "'10s'"],
  [['send', 'c', 'x', '--file', 'y'], 'a body or --file'],
  [['send', 'c', '--file', 'not-there'], 'not-there'],
  [['send', 'x\ny', 'b'], 'control characters'],
  [['poll', 'c', '--max', '0'], 'from 1 to'],
  [['pol', 'c'], 'Did you mean poll?'],
  [[], 'Usage:']
])('%j is a usage error: code 2, and it says why', async (args, why) => {
  const { code, stderr, stdout } = await world.run(args)
  expect(code).toBe(2)
  expect(stderr).toContain(why)
  expect(stderr).not.toContain('    at ')
  expect(stdout.length).toBe(0)
  expect(existsSync(world.spool)).toBe(false)
})

test('errors are JSON where that is wanted: code, message, hint and exit code', async () => {
  const { code, stderr } = await world.run(['send', 'c', 'x', '--to', 'nobody', '--json'])
  expect(code).toBe(68)
  expect(JSON.parse(stderr).error).toMatchObject({ code: 'PEER_UNKNOWN', exit: 68, retry: false })
})

test('flags of every command may stand before and after its name', async () => {
  const one = await world.run(['--json', 'status'])
  const two = await world.run(['status', '--json'])
  expect(one.stdout.toString()).toBe(two.stdout.toString())
})

test('ls says of each message where it is and in which state, with no daemon and without changing anything', async () => {
  writeFileSync(path.join(world.folder, 'dropr.json'), '{ "peers": { "tokyo": "http://127.0.0.1:9" } }')
  await world.run(['send', 'c', '--lines'], 'a\nb\nc\n')
  await world.run(['send', 'far', 'x', '--to', 'tokyo'])
  expect((await world.run(['poll', 'c'])).stdout.toString()).toBe('a')
  const { stdout } = await world.run(['ls', '--entries', '--json'])
  const rows = lines(stdout).map(line => JSON.parse(line))
  const states = (room: string, channel: string) =>
    rows.filter(row => row.room === room && row.channel === channel).map(row => row.state)
  expect(states('inbox', 'c')).toEqual(['done', 'pending', 'pending'])
  expect(states('outbox', 'c')).toEqual(['acked', 'acked', 'acked'])
  expect(states('outbox', 'far')).toEqual(['pending'])
  const summary = await world.json(['ls', '--channel', 'far'])
  expect(summary.value).toMatchObject({ room: 'outbox', peer: 'tokyo', channel: 'far', states: { pending: 1 } })
})

test('F18: sends from the shell reach a running node and a waiting poll', async () => {
  await world.up('--roles', 'server')
  const waiting = world.exec(['poll', 'c', '--wait', '20s'])
  await world.exec(['send', 'c', 'through the daemons'])
  expect((await waiting).stdout.toString()).toBe('through the daemons')
  await until(async () => {
    const { value } = await world.json(['status'])
    return Array.isArray(value.channels)
  })
})
