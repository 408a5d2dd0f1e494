import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Node, startNode } from '../../src/index.ts'
import { take } from '../rows/real-nodes.ts'
import { CliWorld, until } from './run-cli.ts'

const TOKEN = 'k3Jx0-_abcdefghijklmnopqrstuvwxyz0123456789A'

let world: CliWorld

beforeEach(() => {
  world = new CliWorld()
})
afterEach(() => world.end())

/** Who receives, in this process: only the node at home is looked at. */
function startTokyo(): Promise<Node> {
  return startNode({ spool: path.join(world.folder, 'tokyo'), node: 'tokyo', config: { listen: 0 } })
}

function put(value: unknown): string {
  const file = path.join(world.folder, 'dropr.json')
  writeFileSync(file, typeof value === 'string' ? value : JSON.stringify(value), { mode: 0o600 })
  return file
}

test('G2: config show names the source of each setting, and shows no token', async () => {
  const file = put({
    node: 'berlin',
    peers: { tokyo: { url: 'http://tokyo:1', token: TOKEN } },
    limits: { leaseMs: 500 }
  })
  const { code, stdout } = await world.run(['config', 'show', '--json', '--limit', 'scanMs=70'])
  expect(code).toBe(0)
  const rows: Record<string, unknown>[] = stdout
    .toString()
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  const row = (key: string) => rows.find(found => found.key === key)
  expect(row('node')).toEqual({ key: 'node', value: 'berlin', from: file })
  expect(row('limits.leaseMs')).toEqual({ key: 'limits.leaseMs', value: 500, from: file })
  expect(row('limits.scanMs')).toEqual({ key: 'limits.scanMs', value: 70, from: 'the flags' })
  expect(row('limits.graceMs')).toMatchObject({ from: 'default' })
  expect(row('peers.tokyo.token')).toMatchObject({ value: '[redacted]' })
  const text = await world.run(['config', 'show'])
  expect(stdout.toString() + text.stdout.toString()).not.toContain(TOKEN)
  expect(text.stdout.toString()).toMatch(/^SETTING +VALUE +FROM\n/)
})

test('G3: config check ends with 2 and names file, line and key of what is bad, with 0 when all is good', async () => {
  const file = put('{\n  "limits": {\n    "leaseMz": 500\n  }\n}')
  const bad = await world.run(['config', 'check'])
  expect(bad.code).toBe(2)
  expect(bad.stderr).toContain(`${file}: limits.leaseMz is not a limit: did you mean leaseMs? (line 3)`)
  expect((await world.run(['up'])).code).toBe(78)
  const other = path.join(world.folder, 'other.json')
  writeFileSync(other, '{ "node": "berlin" }')
  expect(await world.json(['config', 'check', other])).toEqual({ code: 0, value: { ok: true, sources: [other] } })
  expect((await world.run(['config', 'check', 'not-there.json'])).code).toBe(2)
  put({ node: 'berlin' })
  expect((await world.run(['config', 'check'])).code).toBe(0)
})

test.each([
  ['with an angel', ['--roles', 'client,server']],
  ['in one process', ['--single']]
])(
  'G5: at SIGHUP, %s, the next messages go to the new URL and none is lost, a channel has its new policy; UP-6: a bad configuration keeps the old one',
  async (_, flags) => {
    const tokyo = await startTokyo()
    const log = path.join(world.folder, 'log')
    const said = (text: string) => readFileSync(log, 'utf8').includes(text)
    try {
      mkdirSync(world.spool, { mode: 0o700 })
      put({ peers: { tokyo: 'http://127.0.0.1:9' } })
      const here = await world.up('--node', 'berlin', '--log-file', log, ...flags)
      await world.run(['send', 'c', 'first', '--to', 'tokyo'])

      put('{ "peers": { "tokyo": { "url": 5 } } }')
      here.process.kill('SIGHUP')
      await until(() => said('the old one is kept'))
      expect((await world.json(['status'])).value.peers).toMatchObject([{ name: 'tokyo', url: 'http://127.0.0.1:9' }])

      put({ peers: { tokyo: `http://${tokyo.listen}` }, channels: { local: { leasedMax: 1 } } })
      here.process.kill('SIGHUP')
      await until(() => said('the configuration was read again'))
      await world.run(['send', 'c', 'second', '--to', 'tokyo'])
      expect((await take(tokyo.queue, 2, 'c')).map(message => message.text())).toEqual(['first', 'second'])
      const { value: status } = await world.json(['status'])
      expect(status).toMatchObject({ pid: here.process.pid, ready: true })
      const local = `http://${status.listen}/v1/queues/local`
      for (const text of ['one', 'two']) await fetch(local, { method: 'PUT', body: text })
      const headers = { 'content-type': 'application/json' }
      const body = JSON.stringify({ channel: 'local', max: 5, wait: '20s' })
      const polled = await fetch(`http://${status.listen}/v1/poll`, { method: 'POST', headers, body })
      expect(await polled.json()).toMatchObject({ messages: [{ body: 'one' }] })
    } finally {
      await tokyo.close()
    }
  }
)

test('G4: after lifeMessagesMax a daemon finishes and another begins, and no message is lost', async () => {
  const tokyo = await startTokyo()
  try {
    await world.up(
      '--roles',
      'client',
      '--peer',
      `tokyo=http://${tokyo.listen}`,
      '--limit',
      'lifeMessagesMax=3',
      '--limit',
      'heartbeatMsMax=5000'
    )
    const client = async () => {
      const roles: { role: string; restarts: number; lastDeath?: object }[] = (await world.json(['status'])).value.roles
      return roles.find(({ role }) => role === 'client')!
    }
    await world.run(['send', 'c', '--lines', '--to', 'tokyo'], '1\n2\n3\n')
    await until(async () => (await client()).restarts > 0)
    expect((await client()).lastDeath).toBe(undefined)
    await world.run(['send', 'c', '4', '--to', 'tokyo'])
    const seen = await take(tokyo.queue, 4, 'c')
    expect(seen.map(message => message.text())).toEqual(['1', '2', '3', '4'])
  } finally {
    await tokyo.close()
  }
})
