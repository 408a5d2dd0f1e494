import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync, renameSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { DEFAULT_LIMITS } from '../../src/limits.ts'
import { decodeChannel } from '../../src/names.ts'
import { Owner } from '../../src/server/owner.ts'
import { Receiver } from '../../src/server/receiver.ts'
import { Spool } from '../../src/spool/spool.ts'
import { silentLog } from '../../src/system/log.ts'
import { nodeSystem } from '../../src/system/node-system.ts'
import { SimRandom } from '../../src/system/sim/index.ts'
import type { Transport } from '../../src/wire/transport.ts'
import { RealNodes, take } from './real-nodes.ts'
import { SimNodes } from './sim-nodes.ts'
import { STORES } from './stores.ts'

const ROOT = path.resolve(import.meta.dirname, '../..')

let nodes: RealNodes

beforeEach(() => {
  nodes = new RealNodes()
})
afterEach(() => nodes.end())

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

/** Names as nobody should choose them: separators, dots, controls, any script, 0 to 500 characters. */
function anyName(random: SimRandom): string {
  const alphabets = [
    'abcAB01',
    './\\~%_-',
    '?*:<>|"\' $#&',
    'äöüßéÑ',
    '日本語한국',
    '🎈🚀👩‍👩‍👧',
    '\0\n\r\t\x7f',
    '\ud800e\u0301'
  ]
  const pick = <T>(from: ArrayLike<T>): T => from[Math.floor(random.next() * from.length)]!
  const length = Math.floor(random.next() ** 5 * 500)
  const few = [pick(alphabets.slice(0, random.next() < 0.2 ? 8 : 6)), pick(alphabets.slice(0, 6))]
  return Array.from({ length }, () => pick(pick(few))).join('')
}

test.each(STORES)(
  'A16: of 1,000 random channel names each is listed again exactly or refused clearly, and no file lies outside the spool (%s)',
  async store => {
    const sim = new SimNodes({ seed: 16, names: ['berlin', 'tokyo'], store })
    const random = new SimRandom('names')
    const queue = await sim.queue('berlin')
    const taken = new Set<string>(['..', '.', 'CON', '__proto__', '???', 'orders/eu', '~', '%2e%2e'])
    for (const name of taken) await sim.until(queue.sendMessage(name, { channel: name, to: 'tokyo' }))
    let refused = 0
    for (let i = 0; i < 1_000; i++) {
      const name = anyName(random)
      const bytes = Buffer.byteLength(name)
      const valid = bytes >= 1 && bytes <= 120 && name.isWellFormed() && !/\p{Cc}/u.test(name)
      const sent = sim.until(queue.sendMessage('x', { channel: name, to: 'tokyo' }))
      if (valid) {
        await sent
        taken.add(name)
      } else {
        refused++
        const error: unknown = await sent.catch((thrown: unknown) => thrown)
        expect(error).toBeInstanceOf(TypeError)
        expect((error as Error).message).toContain('channel')
      }
    }
    expect(taken.size).toBeGreaterThan(250)
    expect(refused).toBeGreaterThan(200)
    const disk = await sim.storage('berlin')
    const folders = await sim.until(disk.list('/spool/outbox/tokyo'))
    expect(new Set(folders.map(({ name }) => decodeChannel(name)))).toEqual(taken)
    expect((await sim.until(disk.list('/'))).map(({ name }) => name)).toEqual(['spool'])
    expect((await sim.until(disk.list('/spool/outbox'))).map(({ name }) => name)).toEqual(['tokyo'])
    for (const { name } of folders) {
      const priorities = await sim.until(disk.list(`/spool/outbox/tokyo/${name}`))
      expect(priorities).toEqual([{ name: '4', kind: 'folder' }])
    }
  }
)

test('A16: a peer is a plain name, and its URL anything that http or https allows', async () => {
  const tokyo = await nodes.node('tokyo')
  const queue = await nodes.queue('berlin', { config: { peers: { tokyo: `http://${tokyo.listen}/` } } })
  for (const to of ['../etc', 'a/b', 'ÄÖ', '', 'x'.repeat(64), 'http://tokyo/']) {
    await expect(queue.sendMessage('x', { to }), to).rejects.toThrow()
  }
  for (const url of ['ftp://tokyo', 'http://user:secret@tokyo', 'tokyo', 'file:///etc/passwd']) {
    await expect(nodes.queue('lima', { config: { peers: { tokyo: url } } }), url).rejects.toThrow(/tokyo/)
  }
})

test('B1: what runs with dropr needs no database and builds nothing at install', () => {
  const lock = JSON.parse(readFileSync(path.join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean; optional?: boolean; hasInstallScript?: boolean }>
  }
  const running = Object.entries(lock.packages).filter(([name, { dev }]) => name !== '' && dev !== true)
  const names = running.map(([name]) => name.slice(name.lastIndexOf('node_modules/') + 'node_modules/'.length))
  expect(names).toContain('undici')
  const database =
    /sqlite|mysql|maria|^pg|postgres|redis|mongo|level|lmdb|knex|sequelize|typeorm|prisma|duckdb|oracledb|tedious|nats|amqp/
  expect(names.filter(name => database.test(name))).toEqual([])
  expect(running.filter(([, entry]) => entry.hasInstallScript)).toEqual([])
})

const perlIsHere = spawnSync('perl', ['-v']).status === 0 && spawnSync('sh', ['-c', 'true']).status === 0

test.skipIf(!perlIsHere)(
  'B6: the ten lines of shell in docs/format.md print channel, priority and body of every message',
  async () => {
    const page = readFileSync(path.join(ROOT, 'docs/format.md'), 'utf8')
    const [, script] = /```sh\n([^`]*perl[^`]*)```/.exec(page) ?? []
    expect(script!.trim().split('\n').length).toBeLessThanOrEqual(10)
    const queue = await nodes.queue('berlin', { config: { peers: { tokyo: 'http://127.0.0.1:9' } } })
    await queue.sendMessage('plain', { to: 'tokyo', channel: 'orders/eu', priority: 7 })
    await queue.sendMessages(['one', Buffer.from('two'), { three: 3 }], { channel: 'größe' })
    await queue.sendMessage('with all', { channel: 'c', id: 'order 7', ttl: '1h', headers: { a: 'b' } })
    await queue.sendMessage('')
    await queue.close()
    const text = execFileSync('sh', ['-c', script!, 'sh', nodes.spool('berlin')], { encoding: 'utf8' })
    expect(text.trim().split('\n').sort()).toEqual(
      ['c 4 with all', 'common 4 ', 'größe 4 one', 'größe 4 two', 'größe 4 {"three":3}', 'orders/eu 7 plain'].sort()
    )
  }
)

test('B10: a transport that a program brings along delivers, without any HTTP', async () => {
  const limits = DEFAULT_LIMITS
  const system = nodeSystem()
  const spool = await Spool.open({ system, path: nodes.spool('tokyo'), node: 'tokyo', limits })
  const owner = await Owner.own({ spool })
  const receiver = new Receiver({ clock: system.clock, log: silentLog, limits, store: owner.store })
  const seen: string[] = []
  const transport: Transport = {
    async upload(peer, request) {
      seen.push(peer.url)
      return await receiver.receive(request, request.node)
    },
    close: async () => undefined
  }
  try {
    const config = { peers: { tokyo: 'http://nowhere.invalid' } }
    const berlin = await nodes.node('berlin', { config, roles: ['client'], transport })
    for (const n of range(0, 100)) await berlin.queue.sendMessage(n, { to: 'tokyo' })
    const queue = await nodes.queue('tokyo', { system })
    expect((await take(queue, 100)).map(message => message.body)).toEqual(range(0, 100))
    expect(new Set(seen)).toEqual(new Set(['http://nowhere.invalid']))
    await queue.close()
  } finally {
    await owner.close()
  }
})

test('B14: a spool under a path with spaces, other scripts and more than 107 bytes works, and may be moved with messages in it', async () => {
  const tokyo = await nodes.node('tokyo')
  const peers = { tokyo: `http://${tokyo.listen}` }
  const long = `eine Größe/${'a b 🎈 '.repeat(12)}`
  const before = { spool: nodes.spool(`${long}/here spool`), node: 'berlin', config: { peers } }
  const queue = await nodes.queue('', before)
  for (const n of range(0, 50)) await queue.sendMessage(n, { to: 'tokyo', channel: 'größe/🎈' })
  await queue.sendMessage('home')
  await take(queue, 1)
  await queue.sendMessage('home again')
  await queue.close()
  const moved = nodes.spool('moved')
  renameSync(before.spool, moved)
  const berlin = await nodes.node('berlin', { spool: moved, config: { peers } })
  expect((await take(tokyo.queue, 50, 'größe/🎈')).map(message => message.body)).toEqual(range(0, 50))
  expect((await take(berlin.queue, 1))[0]!.body).toBe('home again')
})

test('B13: two nodes of one machine, with the same channels, never see each other’s messages', async () => {
  const [one, two] = [await nodes.node('one'), await nodes.node('two')]
  expect(one.listen).not.toBe(two.listen)
  await Promise.all(range(0, 200).map(n => (n % 2 ? one : two).queue.sendMessage(n, { channel: 'same' })))
  const odd = (await take(one.queue, 100, 'same')).map(message => Number(message.body) % 2)
  const even = (await take(two.queue, 100, 'same')).map(message => Number(message.body) % 2)
  expect([new Set(odd), new Set(even)]).toEqual([new Set([1]), new Set([0])])
  expect(await one.queue.poll({ channel: 'same', wait: 200 })).toBeUndefined()
  expect(await two.queue.poll({ channel: 'same', wait: 200 })).toBeUndefined()
})
