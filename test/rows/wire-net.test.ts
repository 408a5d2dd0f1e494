import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type Node, type Queue, type Receipt, startNode } from '../../src/index.ts'
import { ANSWER_TYPE } from '../../src/wire/upload.ts'
import { answerTo, Cable, reverseProxy } from './cable.ts'
import { numbers, QUICK, type RealNode, RealWorld, signalQuietly, take, until } from './real-world.ts'

/** Two real nodes and what lies between them; each test has a channel of its own. */
const world = new RealWorld()
const WAITS = { connectMsMax: 300, answerMsMax: 400, stallMsMax: 400 }
let tokyo: RealNode
let berlin: RealNode
let cable: Cable
/** Ways to tokyo that stay bad, for what needs more than one peer. */
let mute: Cable
let trickling: Cable
let headOnly: Cable
let prefixed: { url: string; paths: string[] }
let app: Queue
let inbox: Queue

beforeAll(async () => {
  tokyo = await world.up('tokyo', { roles: 'server', config: { limits: QUICK } })
  const wire = async () => {
    const made = await Cable.to(() => tokyo.port)
    world.onEnd(() => made.cut())
    return made
  }
  cable = await wire()
  mute = await wire()
  mute.mood = { connect: 'mute' }
  trickling = await wire()
  trickling.mood = {
    instead: socket => {
      const timer = setInterval(() => socket.write('x'), 1_000)
      socket.write('HTTP/1.1 200 OK\r\nx: ')
      socket.on('close', () => clearInterval(timer))
    }
  }
  headOnly = await wire()
  headOnly.mood = { instead: socket => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 90\r\n\r\n') }
  prefixed = await reverseProxy(() => tokyo.port, world)
  const peers = {
    tokyo: cable.url,
    mute: mute.url,
    trickling: trickling.url,
    'head-only': headOnly.url,
    prefixed: `${prefixed.url}/a/b/`,
    refusing: 'http://127.0.0.1:1',
    nowhere: 'http://no-such-host.invalid:7473'
  }
  const limits = { ...QUICK, ...WAITS, rangeBytesMax: 1_024 }
  berlin = await world.up('berlin', { roles: 'client', config: { peers, limits } })
  app = await world.queue('berlin')
  inbox = await world.queue('tokyo')
})
afterEach(() => {
  cable.mood = {}
})
afterAll(() => world.end(), 60_000)

/** Sends bodies that are numbers, many at a time. */
async function send(channel: string, count: number, to = 'tokyo', padding = ''): Promise<void> {
  await app.sendMessages(
    numbers(count).map(body => body + padding),
    { to, channel }
  )
}

/** They have all come, in order, once each, and nothing more. */
async function arrived(channel: string, count: number): Promise<void> {
  const taken = await take(inbox, channel, count, 20_000)
  expect(taken.map(({ body }) => body.trimEnd())).toEqual(numbers(count))
  expect(await inbox.poll({ channel })).toBeUndefined()
}

/** A client of its own, for what the short waits of berlin's would disturb. */
async function clientOver(name: string, way: Cable, limits: object = {}): Promise<Node> {
  const config = { peers: { tokyo: way.url }, limits: { ...QUICK, ...limits } }
  const node = await startNode({ spool: world.spool(name), node: name, roles: ['client'], config })
  world.onEnd(() => node.close({ within: 0 }))
  return node
}

test('D14: 1,000 uploads use no more connections than the client may have', async () => {
  const way = await Cable.to(() => tokyo.port)
  world.onEnd(() => way.cut())
  const lima = await clientOver('lima', way, { rangeBytesMax: 1_024 })
  // Each fills a range.
  const bodies = numbers(1_000).map(body => body + ' '.repeat(900))
  await lima.queue.sendMessages(bodies, { to: 'tokyo', channel: 'kept-alive' })
  await arrived('kept-alive', 1_000)
  // The last ones are polled here before they are acknowledged there.
  await until(() => way.answers >= 1_000)
  expect(way.connections).toBeLessThanOrEqual(5)
})

test('D4 NET-3: with every second answer lost, 1,000 of 1,000 are polled, once each, though ranges came twice', async () => {
  const before = cable.answers
  let lost = 0
  cable.mood = {
    loseAnswer: n => {
      if (n % 2 === 1) lost++
      return n % 2 === 1
    }
  }
  await send('lost-answers', 1_000)
  await arrived('lost-answers', 1_000)
  expect(lost).toBeGreaterThan(5)
  // 1 KiB a range: more answers than ranges means repeats.
  expect(cable.answers - before).toBeGreaterThan(lost)
})

test('D5: an upload that is played again after its messages were acknowledged gives nothing to poll', async () => {
  cable.keepRequests = true
  await send('replayed', 3)
  await arrived('replayed', 3)
  await until(() => cable.requests.some(bytes => bytes.includes('dropr-channel: replayed')))
  cable.keepRequests = false
  const bytes = Buffer.concat(cable.requests)
  const upload = bytes.subarray(bytes.lastIndexOf('POST /', bytes.indexOf('dropr-channel: replayed')))
  for (let i = 0; i < 3; i++) expect(await answerTo(tokyo.port, upload)).toMatch(/^HTTP\/1.1 200 OK[\s\S]*"next":3/)
  expect(await inbox.poll({ channel: 'replayed', wait: 200 })).toBeUndefined()
})

test('D15: messages go through a reverse proxy with a path in front, on another port', async () => {
  await send('prefixed', 20, 'prefixed')
  await arrived('prefixed', 20)
  expect(new Set(prefixed.paths)).toEqual(new Set(['/a/b/v1/upload']))
})

test('NET-1: at 1 Mbit/s and 50 ms each way all arrive within twice the time of their bytes, and once though every fifth answer is lost', async () => {
  const narrow = await Cable.to(() => tokyo.port)
  world.onEnd(() => narrow.cut())
  narrow.mood = cable.mood = { delayMs: 50, bytesPerSecond: 125_000 }
  // Ranges as large as they are when nobody says otherwise.
  const paris = await clientOver('paris', narrow)
  const began = performance.now()
  const bodies = numbers(400).map(body => body + ' '.repeat(450))
  await paris.queue.sendMessages(bodies, { to: 'tokyo', channel: 'narrow' })
  await arrived('narrow', 400)
  // 200 kB and more; two seconds for a machine that does other things too.
  expect(performance.now() - began).toBeLessThan(2 * 1_600 + 2_000)
  cable.mood = { ...cable.mood, loseAnswer: n => n % 5 === 4 }
  await send('narrow-and-lossy', 100)
  await arrived('narrow-and-lossy', 100)
})

test('NET-2: after a cut of a second the first try comes within the back-off cap, and all arrive', async () => {
  cable.cut()
  await send('cut', 100)
  const cutAt = performance.now()
  await until(() => performance.now() - cutAt > 1_000)
  const { connections } = cable
  await cable.heal()
  const healed = performance.now()
  await until(() => cable.connections > connections)
  expect(performance.now() - healed).toBeLessThan(QUICK.retryMsMax + 1_000)
  await arrived('cut', 100)
})

test('NET-4: bodies damaged on the way are noticed, sent again, and arrive whole', async () => {
  let damaged = 0
  cable.mood = {
    damage: n => {
      if (n % 5 === 3) damaged++
      return n % 5 === 3
    }
  }
  await send('damaged', 500, 'tokyo', ' '.repeat(100))
  await arrived('damaged', 500)
  expect(damaged).toBeGreaterThan(5)
})

test('NET-5: no connection and no such host are told apart in the status, and tried again', async () => {
  await send('c', 1, 'refusing')
  await send('c', 1, 'nowhere')
  await until(() => berlin.peer('refusing')?.failures > 1 && berlin.peer('nowhere')?.failures > 1)
  expect(berlin.peer('refusing').lastError.text).toContain('ECONNREFUSED')
  expect(berlin.peer('nowhere').lastError.text).toMatch(/ENOTFOUND|EAI_AGAIN/)
})

test('NET-6: peers that never answer, answer a byte a second, or send a head and no body are cut, and tokyo is not held up', async () => {
  for (const name of ['mute', 'trickling', 'head-only']) await send('c', 50, name)
  for (let i = 0; i < 20; i++) {
    const began = performance.now()
    await app.sendMessage(`${i}`, { to: 'tokyo', channel: 'beside' })
    await (await inbox.poll({ channel: 'beside', wait: '10s' }))!.ack()
    expect(performance.now() - began).toBeLessThan(1_000)
  }
  for (const name of ['mute', 'trickling', 'head-only']) {
    await until(() => berlin.peer(name)?.failures > 0)
    expect([name, berlin.peer(name).acked]).toEqual([name, 0])
  }
  expect(berlin.peer('mute').lastError.code).toBe('PEER_TIMEOUT')
})

test.each([
  ['what a login page says', '200 OK', 'text/html', '<html>Login'],
  ['an HTML 500', '500 Internal Server Error', 'text/html', '<html>Sorry'],
  ['a 200 of our type that tells of a failure', '200 OK', ANSWER_TYPE, '{"result":"Failure","reason":"full"}']
])(
  'H16 NET-7: %s is no acknowledgement: the messages are kept, the status has the reason, and they go when the way is free',
  async (_, status, type, page) => {
    cable.mood = {
      instead: `HTTP/1.1 ${status}\r\ncontent-type: ${type}\r\ncontent-length: ${page.length}\r\n\r\n${page}`
    }
    cable.cut()
    await cable.heal()
    const since = Date.now()
    const channel = `portal ${page}`
    const [{ id }] = (await app.sendMessages(numbers(10), { to: 'tokyo', channel })) as [Receipt]
    await until(() => {
      const { code, at } = berlin.peer('tokyo')?.lastError ?? {}
      return code === 'PEER_PROTOCOL' && at >= since
    })
    expect((await app.status(id)).state).toBe('pending')
    cable.mood = {}
    // Had one counted as acknowledged, it would not come any more.
    await arrived(channel, 10)
  }
)

test('PROC-5: a server that stands still for longer than its peers wait is sent everything again, and takes it once', async () => {
  const pid = tokyo.pidOf('server')
  signalQuietly(pid, 'SIGSTOP')
  const stoppedAt = Date.now()
  await send('stopped', 300)
  await until(() => {
    const { lastError, failures } = berlin.peer('tokyo')
    return lastError?.code === 'PEER_TIMEOUT' && lastError.at >= stoppedAt && failures > 1
  })
  signalQuietly(pid, 'SIGCONT')
  await arrived('stopped', 300)
  expect(tokyo.pidOf('server')).toBe(pid)
})
