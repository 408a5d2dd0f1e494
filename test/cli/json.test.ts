import { writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Command } from 'commander'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ANCESTOR_VERBS, ANCESTOR_WIPES } from '../../src/cli/ancestor.ts'
import { makeProgram } from '../../src/cli/main.ts'
import { CliWorld } from './run-cli.ts'

let world: CliWorld

beforeEach(() => {
  world = new CliWorld()
})
afterEach(() => world.end())

/** Every command that does something, by its words. */
function leaves(command: Command, words: string[] = []): string[][] {
  const below = command.commands.filter(found => found.name() !== 'help')
  return below.length === 0 ? [words] : below.flatMap(found => leaves(found, [...words, found.name()]))
}

/** What each is called with here, so that it has something to say. `up` runs until it is stopped; tests of it are elsewhere. */
const ARGS: Readonly<Record<string, string[]>> = {
  send: ['c', 'hello'],
  poll: ['c', '--wait', '5s'],
  peek: ['c'],
  tail: ['c', '--all', '--max', '1'],
  work: ['c', '--max', '1', '--', 'true'],
  show: ['m1'],
  explain: ['m1'],
  top: ['--once', '--interval', '100ms'],
  completion: ['bash'],
  'peer pause': ['--all'],
  'channel pause': ['c'],
  'channel resume': ['c'],
  'schedule show': ['m2'],
  'schedule cancel': ['m2']
}

/** What programs rely on: keys may be added here, and none goes or changes its name. */
const KEYS: Readonly<Record<string, string>> = {
  stop: 'pid ran spool',
  status: 'answering running spool',
  top: 'channels consumers intervalMs peers running spool workers',
  check: 'level problems',
  send: 'durability id state',
  poll: 'attempt body channel deliveries from headers id priority receivedAt redelivered sentAt',
  peek: 'attempt body channel deliveries from headers id priority receivedAt sentAt',
  tail: 'body channel from headers id priority receivedAt sentAt',
  work: 'exit id ms verdict',
  'schedule ls': 'bytes channel dueAt id priority sentAt to',
  'schedule show': 'body bytes channel dueAt id kind priority sentAt state to',
  'schedule cancel': 'done dueAt id state',
  ls: 'channel peer priority room states stream',
  shape: 'ages by channel oldestAt room total',
  show: 'attempts body bytes channel deliveries from headers id peer position priority receivedAt room sentAt state stream',
  explain:
    'attempts bytes channel deliveries explanation from id peer position priority receivedAt room sentAt state stream',
  'channel ls': 'channel states',
  'channel pause': 'changed channel paused',
  'channel resume': 'changed channel paused',
  clean: 'blobs bytes dryRun segments',
  token: 'sha256 token',
  'config show': 'from key value',
  'config check': 'ok sources',
  'service print': 'name unit',
  completion: 'script shell'
}

test('F8: with --json every command prints one JSON value a line and nothing else, under keys that stay, errors on stderr too', async () => {
  const send = (id: string, ...more: string[]) => world.run(['send', 'c', 'x', '--id', id, ...more])
  for (let i = 1; i < 5; i++) await send(`m${i}`, ...(i === 2 ? ['--delay', '1d'] : []))
  await world.run(['poll', 'c'])
  await world.run(['peek', 'c'])
  const silent: string[] = []
  const keys: Record<string, string> = {}
  for (const words of leaves(await makeProgram())) {
    const name = words.join(' ')
    if (name === 'up') continue
    const { stdout, stderr, code } = await world.run([...words, '--json', ...(ARGS[name] ?? [])])
    const lines = [...stdout.toString().split('\n'), ...stderr.split('\n')].filter(line => line !== '')
    for (const line of lines) expect(() => JSON.parse(line), `${name}: ${line}`).not.toThrow()
    for (const line of lines) expect(typeof JSON.parse(line), `${name}: ${line}`).toBe('object')
    expect(code, name).toBeTypeOf('number')
    const said = new Set(lines.flatMap(line => Object.keys(JSON.parse(line) as object)))
    keys[name] = [...said].sort().join(' ')
    if (lines.length === 0) silent.push(name)
  }
  for (const [name, expected] of Object.entries(KEYS))
    expect(keys[name]!.split(' '), name).toEqual(expect.arrayContaining(expected.split(' ')))
  // What cannot be done with what is there says so under one name.
  const others = Object.entries(keys).filter(([name]) => !Object.hasOwn(KEYS, name))
  expect(new Set(others.map(([, said]) => said))).toEqual(new Set(['', 'error']))
  // Lists of what there is nothing of.
  expect(
    silent.filter(
      name => !/ ls$|^(forecast|tick|ls|doctor|clean|purge|replay|peer kick|peer pause|peer resume)$/.test(name)
    )
  ).toEqual([])
})

test('F1 F3 F4 F5: the counting verbs of the dropr of 2008 still give their numbers, and are not in the help', async () => {
  await world.run(['send', '???', '--lines'], 'a\nb\nc\nd\n')
  await world.run(['send', 'mail', '--lines'], 'a\nb\n')
  await world.run(['poll', '???', '--max', '3'])
  await world.run(['poll', 'mail', '--max', '1'])
  const count = async (...verb: string[]) => (await world.run(verb)).stdout.toString()
  expect(await count('get_channels')).toBe('???\nmail\n')
  expect(await count('count_queued', '???')).toBe('1\n')
  expect(await count('list_queued')).toBe('???: 1\nmail: 1\n')
  expect(await count('sum_queued')).toBe('2\n')
  expect(await count('count_processed', '???')).toBe('3\n')
  expect(await count('list_processed')).toBe('???: 3\nmail: 1\n')
  expect(await count('sum_processed')).toBe('4\n')
  expect(await count('count_sent')).toBe('6\n')
  writeFileSync(path.join(world.folder, 'dropr.json'), '{"peers":{"tokyo":"http://127.0.0.1:9"}}')
  await world.run(['send', 'orders', 'x', '--to', 'tokyo'])
  expect(await world.json(['count_queue'])).toEqual({ code: 0, value: { count: 1 } })
  expect((await world.run(['count_queued'])).code).toBe(2)
  const help = (await world.run(['--help'])).stdout.toString()
  for (const verb of Object.keys({ ...ANCESTOR_VERBS, ...ANCESTOR_WIPES })) expect(help).not.toContain(verb)
})
