import { createHash } from 'node:crypto'
import { EventEmitter } from 'node:events'
import { lstatSync, readdirSync, readFileSync } from 'node:fs'
import type { Server } from 'node:http'
import { connect } from 'node:net'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { DEFAULT_LIMITS } from '../../src/limits.ts'
import { limitConnections } from '../../src/server/connection-shares.ts'
import { acceptedFrom } from '../../src/wire/token.ts'
import { head, desk as httpDesk, closeAll as httpEnd } from '../server/http-desk.ts'
import { entriesOf } from '../server/memory-store.ts'
import { desk as receiverDesk } from '../server/receiver-desk.ts'
import { SOAK } from '../soak.ts'
import { desk as webDesk, closeAll as webEnd } from '../web/desk.ts'
import { uploadOf } from '../wire/transport-suite.ts'
import { RealNodes, take } from './real-nodes.ts'

let nodes: RealNodes

beforeEach(() => {
  nodes = new RealNodes()
})
afterEach(async () => {
  await httpEnd()
  await webEnd()
  await nodes.end()
})

test('SEC-3: a message from a peer with more headers, or larger ones, than this node allows is refused for good, those beside it are taken', async () => {
  const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`h${i}`, '']))
  const of = (id: string, headers: Record<string, string>) =>
    ({ id, sentAt: 1, kind: 'text', body: 'x', headers }) as const
  const { send } = receiverDesk({ messageBytesMax: 1_048_576, headerBytesMax: 16_384 })
  const entries = entriesOf(
    of('at the limit', many(100)),
    of('one too many', many(120)),
    of('as large as may be', { a: 'x'.repeat(16_383) }),
    of('too large', { a: 'x'.repeat(20_000) }),
    of('a body in its headers', { a: 'x'.repeat(1_000_000) }),
    'plain'
  )
  const { next, refused } = await send(uploadOf({ entries }))
  expect(next).toBe(6)
  expect(refused.map(({ at, id, code }) => [at, id, code])).toEqual([
    [1, 'one too many', 'MESSAGE_TOO_LARGE'],
    [3, 'too large', 'MESSAGE_TOO_LARGE'],
    [4, 'a body in its headers', 'MESSAGE_TOO_LARGE']
  ])
})

test('SEC-3: JSON of more than 64 levels, and with keys that poison, is refused at the doors; a body above its limit too', async () => {
  const node = await webDesk()
  const post = async (body: string) => {
    const headers = { 'content-type': 'application/json' }
    return (await node.call('POST', '/v1/messages', { body, headers })).status
  }
  const nested = (levels: number) => `{"body":${'['.repeat(levels)}${']'.repeat(levels)}}`
  expect(await post(nested(40))).toBe(201)
  expect(await post(nested(70))).toBe(400)
  expect(await post(nested(200_000))).toBe(400)
  expect(await post('{"body":1,"__proto__":{"a":1}}')).toBe(400)
  expect(await post('{"body":1e400}')).toBeLessThan(500)
  expect(await post(JSON.stringify({ body: 'x'.repeat(1_048_577) }))).toBe(413)
  expect(({} as { a?: number }).a).toBeUndefined()
})

test('SEC-8: a token opens a node for as long as its digest is accepted; the node itself keeps and tells the digest only', async () => {
  const token = 'geheim-'.repeat(6)
  const digest = createHash('sha256').update(token).digest('hex')
  const { post, rules } = await httpDesk({ accept: new Map([['berlin', digest]]) })
  const authorization = `Bearer ${token}`
  expect((await post({ authorization })).status).toBe(200)
  rules.accepted = acceptedFrom(new Map([['rome', createHash('sha256').update('another').digest('hex')]]))
  expect((await post({ authorization })).status).toBe(401)

  const tokyo = await nodes.node('tokyo', { config: { accept: { berlin: digest } } })
  const peers = { tokyo: { url: `http://${tokyo.listen}`, token } }
  const berlin = await nodes.node('berlin', { config: { peers } })
  await berlin.queue.sendMessage('x', { to: 'tokyo' })
  expect((await take(tokyo.queue, 1))[0]!.body).toBe('x')
  for (const node of [berlin, tokyo]) expect(JSON.stringify(node.status())).not.toContain('geheim')
  for (const file of filesBelow(nodes.folder)) expect(readFileSync(file).includes('geheim'), file).toBe(false)
})

test('SEC-12: a peer is waited for 5 s at its door and 10 s for its answer, unless somebody wants it otherwise', () => {
  const { connectMsMax, answerMsMax, stallMsMax, messageBytesMax, headerBytesMax, headersMax } = DEFAULT_LIMITS
  expect({ connectMsMax, answerMsMax, stallMsMax }).toEqual({
    connectMsMax: 5_000,
    answerMsMax: 10_000,
    stallMsMax: 10_000
  })
  // SEC-3 has these.
  expect({ messageBytesMax, headerBytesMax, headersMax }).toEqual({
    messageBytesMax: 1_048_576,
    headerBytesMax: 16_384,
    headersMax: 100
  })
})

test('SEC-13: an address beyond this machine has half of all connections at most, and gets one back for each that it closes', () => {
  const server = new EventEmitter() as unknown as Server
  limitConnections(server, { allMax: 6, addressMax: 3 })
  expect(server.maxConnections).toBe(6)
  const from = (remoteAddress: string) => {
    const socket = Object.assign(new EventEmitter(), { remoteAddress, cut: false, destroy: () => (socket.cut = true) })
    server.emit('connection', socket)
    return socket
  }
  const ours = Array.from({ length: 4 }, () => from('10.0.0.1'))
  expect(ours.map(({ cut }) => cut)).toEqual([false, false, false, true])
  expect(from('10.0.0.2').cut).toBe(false)
  expect(Array.from({ length: 5 }, () => from('127.0.0.1')).some(({ cut }) => cut)).toBe(false)
  ours[0]!.emit('close')
  expect([from('10.0.0.1').cut, from('10.0.0.1').cut]).toEqual([false, true])
})

test('SEC-13: who connects and says nothing, or half of a request, is cut; in the soak also who says it a byte at a time', async () => {
  const { port, got } = await httpDesk({ limits: { stallMsMax: 300, answerMsMax: 300 } })
  const whole = head('content-length: 0\r\n')
  const cutAfter = async (text: string, more?: string) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => undefined)
    socket.resume()
    socket.write(text)
    let at = 0
    const timer = more === undefined ? undefined : setInterval(() => socket.write(more[at++ % more.length]!), 100)
    const began = performance.now()
    // Not `once` of node:events: being reset, as who goes on writing is, is being cut.
    await new Promise(resolve => socket.once('close', resolve))
    clearInterval(timer)
    return performance.now() - began
  }
  const silent = await Promise.all([cutAfter(''), cutAfter(whole.slice(0, 40)), cutAfter(whole.slice(0, -2))])
  for (const ms of silent) expect(ms).toBeLessThan(5_000)
  if (SOAK) expect(await cutAfter('GET /health HTTP/1.1\r\nx: ', 'x')).toBeLessThan(15_000)
  expect(got).toEqual([])
})

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap(found => {
    const place = path.join(folder, found.name)
    if (found.isDirectory()) return filesBelow(place)
    return found.isFile() ? [place] : []
  })
}

test('SEC-18: whatever the umask, all that a working node has made is for its owner only: folders 0700, files and sockets 0600', async () => {
  const before = process.umask(0)
  try {
    const tokyo = await nodes.node('tokyo')
    const berlin = await nodes.node('berlin', { config: { peers: { tokyo: `http://${tokyo.listen}` } } })
    await berlin.queue.sendMessage('x', { to: ['tokyo', 'berlin'] })
    await berlin.queue.sendMessage('later', { to: 'tokyo', delay: '1d' })
    const [message] = await tokyo.queue.poll({ max: 1, wait: '20s' })
    await message!.reject('no')
    await nodes.queue('berlin')
    const kinds = new Set<string>()
    const wrong: string[] = []
    const look = (at: string): void => {
      const stat = lstatSync(at)
      const kind = stat.isDirectory() ? 'folder' : stat.isSocket() ? 'socket' : stat.isFile() ? 'file' : 'link'
      kinds.add(kind)
      const mode = stat.mode & 0o7777
      if (kind === 'link' || mode !== (kind === 'folder' ? 0o700 : 0o600))
        wrong.push(`${kind} ${at} ${mode.toString(8)}`)
      if (kind === 'folder') for (const name of readdirSync(at)) look(path.join(at, name))
    }
    for (const name of ['tokyo', 'berlin']) look(nodes.spool(name))
    expect(wrong).toEqual([])
    expect([...kinds].sort()).toEqual(['file', 'folder', 'socket'])
  } finally {
    process.umask(before)
  }
})

test('SEC-30: names that every object has are channels, ids, keys, headers and bodies like any other, on the way to another node too', async () => {
  const tokyo = await nodes.node('tokyo')
  const berlin = await nodes.node('berlin', { config: { peers: { tokyo: `http://${tokyo.listen}` } } })
  for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
    const headers = JSON.parse(`{ ${JSON.stringify(name)}: "v" }`) as Record<string, string>
    for (const to of ['tokyo', 'berlin'])
      await berlin.queue.sendMessage(name, { to, channel: name, id: name, key: name, headers })
    for (const queue of [tokyo.queue, berlin.queue]) {
      const [message] = await take(queue, 1, name)
      expect(message).toMatchObject({ id: name, channel: name, key: name, body: name })
      expect(Object.entries(message!.headers)).toEqual([[name, 'v']])
    }
    expect((await berlin.queue.status(name)).state).not.toBe('unknown')
  }
})
