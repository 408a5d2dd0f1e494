import { request } from 'undici'
import { afterEach, expect, test } from 'vitest'
import { DEFAULT_LIMITS } from '../../src/limits.ts'
import { Server, type ServerConfig } from '../../src/server/server.ts'
import type { Spool } from '../../src/spool/spool.ts'
import { nodeSystem } from '../../src/system/node-system.ts'
import { HttpTransport } from '../../src/wire/http-transport.ts'
import { tokenDigest } from '../../src/wire/token.ts'
import { entriesOf, MemoryStore, STREAM, uploadOf } from './memory-store.ts'

const open: { close(options: { withinMs: number }): Promise<void> }[] = []
const never = new AbortController().signal

afterEach(async () => {
  await Promise.all(open.splice(0).map(each => each.close({ withinMs: 0 })))
})

async function start(config: Partial<ServerConfig> = {}) {
  const system = nodeSystem()
  const store = new MemoryStore()
  let owned = 0
  const server = await Server.start({
    spool: { system, node: 'tokyo' } as Spool,
    config: { listen: { host: '127.0.0.1', port: 0 }, accept: new Map(), limits: DEFAULT_LIMITS, ...config },
    version: '1.2.3',
    own: async () => {
      owned++
      return { store, depth: () => store.ranges.length, close: async () => void owned-- }
    }
  })
  open.push(server)
  return { server, store, owned: () => owned, url: `http://${server.listen}` }
}

async function health(url: string, headers = {}): Promise<unknown> {
  return (await request(`${url}/health`, { headers })).body.json()
}

test('what is uploaded lies in the inbox, and status and health say so', async () => {
  const { server, store, url } = await start()
  const transport = new HttpTransport({ clock: nodeSystem().clock, limits: DEFAULT_LIMITS })
  open.push(transport)
  const entries = entriesOf('one', 'two')
  const answer = await transport.upload({ name: 'tokyo', url }, uploadOf({ entries }), never)
  expect(answer).toMatchObject({ next: 2, refused: [] })
  expect(store.bytesOf(STREAM).equals(entries)).toBe(true)
  expect(server.status()).toMatchObject({
    node: 'tokyo',
    uploads: 1,
    failures: 0,
    depth: 1,
    lastUploadAt: expect.any(Number)
  })
  expect(await health(url)).toEqual({
    ok: true,
    reasons: [],
    node: 'tokyo',
    version: '1.2.3',
    uptimeMs: expect.any(Number),
    lastUploadAt: expect.any(Number),
    depth: 1
  })
})

test('/health and /metrics of a server with accepted peers show nothing but ok without the token of the node itself', async () => {
  const digest = (token: string) => tokenDigest(token).toString('hex')
  const accept = new Map([
    ['berlin', digest('peer')],
    ['tokyo', digest('own')]
  ])
  const { url } = await start({ accept })
  const metrics = async (headers = {}) => (await request(`${url}/metrics`, { headers })).statusCode
  for (const headers of [{}, { authorization: 'Bearer bad' }, { authorization: 'Bearer peer' }]) {
    expect(await health(url, headers)).toEqual({ ok: true })
    expect(await metrics(headers)).toBe(401)
  }
  expect(await health(url, { authorization: 'Bearer own' })).toMatchObject({ node: 'tokyo' })
  expect(await metrics({ authorization: 'Bearer own' })).toBe(200)
})

test('a server that cannot listen gives the inbox away again', async () => {
  const first = await start()
  let closed = false
  const taken = Number(first.server.listen.split(':')[1])
  const second = Server.start({
    spool: { system: nodeSystem(), node: 'rome' } as Spool,
    config: { listen: { host: '127.0.0.1', port: taken }, accept: new Map(), limits: DEFAULT_LIMITS },
    own: async () => ({
      store: new MemoryStore(),
      depth: () => 0,
      close: async () => {
        closed = true
      }
    })
  })
  await expect(second).rejects.toMatchObject({ code: 'CONFIG_BAD' })
  expect(closed).toBe(true)
})

test('beyond loopback a server without accepted peers does not start', async () => {
  await expect(start({ listen: { host: '0.0.0.0', port: 0 } })).rejects.toMatchObject({ code: 'CONFIG_BAD' })
})

test('closing gives the inbox away once, however often it is asked for', async () => {
  const { server, owned, url } = await start()
  await Promise.all([server.close({ withinMs: 1_000 }), server.close({ withinMs: 1_000 })])
  expect(owned()).toBe(0)
  await expect(health(url)).rejects.toThrow()
})

test('a node is called by its name, by configured names, and by nothing else', async () => {
  const { url } = await start({ hosts: ['tokyo.example'] })
  const statusFor = async (host: string) => (await request(`${url}/health`, { headers: { host } })).statusCode
  expect([await statusFor('tokyo'), await statusFor('Tokyo.example:1'), await statusFor('evil.example')]).toEqual([
    200, 200, 421
  ])
})
