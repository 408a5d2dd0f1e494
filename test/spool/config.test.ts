import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { DEFAULT_LIMITS, LIMITS } from '../../src/limits.ts'
import { type LoadConfigOptions, loadConfig, traceConfig } from '../../src/spool/config.ts'
import { envName } from '../../src/spool/config-env.ts'
import { parseListen } from '../../src/spool/config-schema.ts'
import { nodeFiles } from '../../src/system/node-files.ts'

const TOKEN = 'k3Jx0-_abcdefghijklmnopqrstuvwxyz0123456789A'
const SHA = 'AB'.repeat(32)
const URL_A = 'http://127.0.0.1:7473'

let cwd = ''
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'dropr'))
  await mkdir(join(cwd, 'spool'))
})
afterEach(() => rm(cwd, { recursive: true, force: true }))

const load = (options: Partial<LoadConfigOptions> = {}) =>
  loadConfig({ files: nodeFiles(), spool: join(cwd, 'spool'), cwd, ...options })
const put = (name: string, value: unknown, mode = 0o600) =>
  writeFile(join(cwd, name), typeof value === 'string' ? value : JSON.stringify(value), { mode })

test('nothing configured gives the defaults', async () => {
  expect(await load()).toEqual({ peers: new Map(), accept: new Map(), limits: DEFAULT_LIMITS })
  expect((await load({ spool: join(cwd, 'not', 'there') })).peers.size).toBe(0)
})

test('a whole file comes out checked', async () => {
  await put('spool/dropr.json', {
    node: 'berlin',
    listen: '[::1]:7473',
    peers: { tokyo: { url: 'https://tokyo.example/dropr/', token: TOKEN }, oslo: URL_A },
    accept: { tokyo: SHA },
    limits: { leaseMs: 500, retryMsMax: '5m' }
  })
  expect(await load()).toEqual({
    node: 'berlin',
    listen: { host: '::1', port: 7473 },
    peers: new Map([
      ['tokyo', { name: 'tokyo', url: 'https://tokyo.example/dropr', token: TOKEN }],
      ['oslo', { name: 'oslo', url: URL_A }]
    ]),
    accept: new Map([['tokyo', SHA.toLowerCase()]]),
    limits: { ...DEFAULT_LIMITS, leaseMs: 500, retryMsMax: 300_000 }
  })
})

test('flags win over the environment, that over the named or the working file, that over the spool', async () => {
  await put('spool/dropr.json', {
    node: 's',
    listen: 1,
    limits: { leaseMs: 101, scanMs: 101, graceMs: 101, attemptsMax: 1 }
  })
  await put('dropr.json', { node: 'w', listen: 2, limits: { leaseMs: 102, scanMs: 102, graceMs: 102 } })
  const env = { DROPR_NODE: 'e', DROPR_LISTEN: '3', DROPR_LEASE_MS: '103', DROPR_SCAN_MS: '103' }
  const flags = { node: 'f', listen: '4', limits: new Map([['leaseMs', '104']]) }
  const limits = { leaseMs: 104, scanMs: 103, graceMs: 102, attemptsMax: 1 }
  expect(await load({ env, flags })).toMatchObject({ node: 'f', listen: { port: 4 }, limits })
  expect(await load({ env })).toMatchObject({ node: 'e', listen: { host: '127.0.0.1', port: 3 } })
  expect(await load()).toMatchObject({ node: 'w', listen: { port: 2 } })
  await put('other.json', { node: 'o' })
  expect(await load({ file: 'other.json' })).toMatchObject({ node: 'o', listen: { port: 1 } })
  await rm(join(cwd, 'dropr.json'))
  expect(await load()).toMatchObject({ node: 's', listen: { port: 1 } })
})

test('G2: of five sources the strongest that names a key wins, and each is said to be where it came from', async () => {
  const limits = (leaseMs: number) => ({ limits: { leaseMs } })
  await put('system.json', limits(201))
  await put('spool/dropr.json', limits(202))
  await put('dropr.json', limits(203))
  const options = {
    files: nodeFiles(),
    spool: join(cwd, 'spool'),
    cwd,
    systemFile: join(cwd, 'system.json'),
    env: { DROPR_LEASE_MS: '204' } as Record<string, string>,
    flags: { limits: new Map([['leaseMs', '205']]) }
  }
  const said = async (less: Partial<LoadConfigOptions> = {}) => {
    const { config, from } = await traceConfig({ ...options, ...less })
    return [config.limits.leaseMs, from.get('limits.leaseMs')]
  }
  expect(await said()).toEqual([205, 'the flags'])
  const flags = {}
  expect(await said({ flags })).toEqual([204, 'the environment'])
  const env = {}
  expect(await said({ flags, env })).toEqual([203, join(cwd, 'dropr.json')])
  await rm(join(cwd, 'dropr.json'))
  expect(await said({ flags, env })).toEqual([202, join(cwd, 'spool/dropr.json')])
  await rm(join(cwd, 'spool/dropr.json'))
  expect(await said({ flags, env })).toEqual([201, join(cwd, 'system.json')])
  await rm(join(cwd, 'system.json'))
  expect(await said({ flags, env })).toEqual([DEFAULT_LIMITS.leaseMs, undefined])
})

test('G3: a key that does not exist is refused with the file, its line, and the key that was meant', async () => {
  const file = join(cwd, 'dropr.json')
  await put('dropr.json', '{\n  "node": "berlin",\n  "listem": 7473\n}')
  await expect(load()).rejects.toThrow(`${file}: listem is no setting: did you mean listen?`)
  await expect(load()).rejects.toThrow('(line 3)')
  await put('dropr.json', '{ "limits": {\n "leaseMs": 500,\n\n "retryMxMax": 5 } }')
  await expect(load()).rejects.toThrow('limits.retryMxMax is not a limit: did you mean retryMsMax? (line 4)')
  await put('dropr.json', `{ "peers": {\n "rome": { "url": "${URL_A}" },\n "oslo": {\n "urls": "x" } } }`)
  await expect(load()).rejects.toThrow(
    'peers.oslo.urls is no setting: did you mean url? there are url, token, tokenFile (line 4)'
  )
  await put('dropr.json', '{ "qqq": 1 }')
  await expect(load()).rejects.toThrow('qqq is no setting: there are node,')
})

test('hosts come from a file, the environment or flags, and are names without ports', async () => {
  await put('dropr.json', { hosts: ['a.example'] })
  expect((await load()).hosts).toEqual(['a.example'])
  expect((await load({ env: { DROPR_HOSTS: 'b.example, c' } })).hosts).toEqual(['b.example', 'c'])
  expect((await load({ flags: { hosts: ['d'] } })).hosts).toEqual(['d'])
  for (const hosts of ['a', [1], ['a:1'], ['a b'], ['']]) {
    await put('dropr.json', { hosts })
    await expect(load(), inspect(hosts)).rejects.toThrow('hosts must be')
  }
})

test('every limit can be set by its environment name', async () => {
  for (const [name, row] of Object.entries(LIMITS)) {
    const { limits } = await load({ env: { [envName(name)]: String(row.min) } })
    expect(limits, name).toEqual({ ...DEFAULT_LIMITS, [name]: row.min })
  }
  expect(envName('messageBytesMax')).toBe('DROPR_MESSAGE_BYTES_MAX')
})

test('peers come from the environment and from flags, their tokens from the environment', async () => {
  const env = {
    DROPR_PEERS: `tokyo=${URL_A}, new-york=https://ny.example`,
    DROPR_ACCEPT: `tokyo=${SHA}`,
    DROPR_TOKEN_NEW_YORK: TOKEN,
    DROPR_SOMETHING: 'of others'
  }
  const { peers, accept } = await load({ env, flags: { peers: new Map([['oslo', URL_A]]) } })
  expect([...peers.values()]).toEqual([
    { name: 'tokyo', url: URL_A },
    { name: 'new-york', url: 'https://ny.example', token: TOKEN },
    { name: 'oslo', url: URL_A }
  ])
  expect([...accept]).toEqual([['tokyo', SHA.toLowerCase()]])
})

test('a peer named again elsewhere does not take its token to another place', async () => {
  await put('spool/dropr.json', { peers: { tokyo: { url: URL_A, token: TOKEN } } })
  const peer = async (url: string) => (await load({ flags: { peers: new Map([['tokyo', url]]) } })).peers.get('tokyo')
  expect(await peer(URL_A)).toMatchObject({ token: TOKEN })
  expect(await peer('http://elsewhere:1')).toEqual({ name: 'tokyo', url: 'http://elsewhere:1' })
})

test('SEC-8: a token file is read from beside its configuration, for its owner only', async () => {
  await put('spool/dropr.json', { peers: { tokyo: { url: URL_A, tokenFile: 'secret/tokyo' } } }, 0o644)
  await expect(load()).rejects.toMatchObject({ code: 'CONFIG_BAD' })
  await mkdir(join(cwd, 'spool/secret'))
  await put('spool/secret/tokyo', `${TOKEN}\n`)
  expect((await load()).peers.get('tokyo')?.token).toBe(TOKEN)
  for (const mode of [0o640, 0o604, 0o620, 0o644]) {
    await chmod(join(cwd, 'spool/secret/tokyo'), mode)
    await expect(load(), mode.toString(8)).rejects.toThrow('chmod 600')
  }
})

test('SEC-8: a configuration with a token in it must be for its owner only, another need not', async () => {
  await put('dropr.json', { node: 'berlin' }, 0o644)
  expect((await load()).node).toBe('berlin')
  await put('spool/dropr.json', { peers: { tokyo: { url: URL_A, token: TOKEN } } }, 0o600)
  await chmod(join(cwd, 'spool/dropr.json'), 0o644)
  await expect(load()).rejects.toMatchObject({
    code: 'CONFIG_BAD',
    message: expect.stringContaining('spool/dropr.json')
  })
})

test('whatever is wrong is refused, naming the source and the key', async () => {
  const wrong: [unknown, string][] = [
    ['{\n  "node": "a",\n}', 'not JSON, line 3'],
    ['[]', 'must be an object'],
    ['null', 'must be an object'],
    [{ nodes: 1 }, 'nodes is no setting'],
    ['{ "__proto__": {} }', '__proto__ is no setting'],
    [{ toString: 1 }, 'toString is no setting'],
    [{ node: 'Not A Name' }, 'node'],
    [{ listen: 'nowhere' }, 'listen'],
    [{ listen: '1.2.3.4:70000' }, 'listen'],
    [{ peers: [] }, 'peers must be'],
    [{ peers: { 'A b': { url: URL_A } } }, 'a name in peers'],
    [{ peers: { a: {} } }, 'peers.a.url'],
    [{ peers: { a: { url: 'ftp://x' } } }, 'peers.a.url'],
    [{ peers: { a: { url: 'http://user:pass@x' } } }, 'peers.a.url must hold no user'],
    [{ peers: { a: { url: 'http://x/?token=1' } } }, 'peers.a.url must hold no ?'],
    [{ peers: { a: { url: URL_A, tokn: 'x' } } }, 'peers.a.tokn is no setting'],
    [{ peers: { a: { url: URL_A, token: 'short' } } }, 'peers.a.token'],
    [{ peers: { a: { url: URL_A, token: TOKEN, tokenFile: 'x' } } }, 'both token and tokenFile'],
    [{ peers: { a: { url: URL_A, tokenFile: 5 } } }, 'peers.a.tokenFile'],
    [{ accept: { a: 'xyz' } }, 'accept.a'],
    [{ limits: { leaseMs: 1 } }, 'limits.leaseMs'],
    [{ limits: { leaseMs: '1 minute' } }, 'limits.leaseMs'],
    [{ limits: { attemptsMax: '1m' } }, 'limits.attemptsMax'],
    [{ limits: { nope: 1 } }, 'limits.nope'],
    ['{ "limits": { "__proto__": 1 } }', 'limits.__proto__']
  ]
  for (const [value, text] of wrong) {
    await put('dropr.json', value)
    const loading = load()
    await expect(loading, text).rejects.toMatchObject({ name: 'DroprError', code: 'CONFIG_BAD' })
    await expect(loading).rejects.toThrow(`${join(cwd, 'dropr.json')}: `)
    await expect(loading).rejects.toThrow(text)
  }
  await rm(join(cwd, 'dropr.json'))
  await expect(load({ file: 'not-there.json' })).rejects.toMatchObject({ code: 'CONFIG_BAD' })
  await expect(load({ env: { DROPR_PEERS: 'tokyo' } })).rejects.toThrow('the environment: DROPR_PEERS')
  await expect(load({ env: { DROPR_LEASE_MS: 'x' } })).rejects.toThrow('the environment: limits.leaseMs')
  await expect(load({ flags: { listen: ':x' } })).rejects.toThrow('the flags: listen')
})

test('SEC-8: no error shows a token', async () => {
  for (const value of [
    `{ "peers": { "a": { "url": "${URL_A}", "token": "${TOKEN}", } } }`,
    { peers: { a: { url: 5, token: TOKEN } } },
    { peers: { a: { url: `http://${TOKEN}@x` } } },
    { peers: { a: { url: URL_A, token: `${TOKEN} ` } } }
  ]) {
    await put('dropr.json', value)
    const error: unknown = await load().catch(caught => caught)
    const shown = `${String(error)} ${String((error as Error).stack)} ${String((error as Error).cause)}`
    expect(error).toMatchObject({ code: 'CONFIG_BAD' })
    expect(shown).not.toContain(TOKEN.slice(0, 8))
  }
})

test('an address is host:port, or a port of this machine', () => {
  expect(parseListen(0)).toEqual({ host: '127.0.0.1', port: 0 })
  expect(parseListen('7473')).toEqual({ host: '127.0.0.1', port: 7473 })
  expect(parseListen('localhost:1')).toEqual({ host: 'localhost', port: 1 })
  expect(parseListen('0.0.0.0:65535')).toEqual({ host: '0.0.0.0', port: 65_535 })
  for (const bad of ['', ':1', '::1:5', '[::1]', 'a b:1', 'x:65536', -1, 1.5, null, {}]) {
    expect(() => parseListen(bad), inspect(bad)).toThrow(TypeError)
  }
})
