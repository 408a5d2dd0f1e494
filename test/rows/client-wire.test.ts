import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ANSWER_TYPE } from '../../src/wire/upload.ts'
import { closeAll, peerAt, rawPeer, transportWith } from '../wire/raw-peers.ts'
import { never, uploadOf } from '../wire/transport-suite.ts'
import { Link } from './link.ts'
import { RealNodes, take } from './real-nodes.ts'

let nodes: RealNodes
const links: Link[] = []

beforeEach(() => {
  nodes = new RealNodes()
})
afterEach(async () => {
  await nodes.end()
  for (const link of links.splice(0)) await link.close()
  await closeAll()
})

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

test('C19: a peer sees the 8 requests at once that are configured, and never 9', async () => {
  let now = 0
  let most = 0
  const server = createServer((request, response) => {
    most = Math.max(most, ++now)
    let bytes = 0
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
    })
    request.on('end', () => {
      const { 'dropr-stream': stream, 'dropr-nonce': nonce, 'dropr-from': from } = request.headers
      // One entry of this test is 1,000 bytes of body and its head.
      const next = Number(from) + Math.floor(bytes / 1_000)
      setTimeout(() => {
        now--
        response.setHeader('content-type', ANSWER_TYPE).end(JSON.stringify({ stream, nonce, next, refused: [] }))
      }, 15)
    })
  })
  server.listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  try {
    const limits = { uploadsPerPeerMax: 8, connectionsPerPeerMax: 16, rangeBytesMax: 1_100 }
    const config = { peers: { tokyo: `http://127.0.0.1:${port}` }, limits }
    const berlin = await nodes.node('berlin', { config, roles: ['client'] })
    const body = 'x'.repeat(1_000)
    await Promise.all(range(0, 600).map(n => berlin.queue.sendMessage(body, { to: 'tokyo', channel: `c${n % 20}` })))
    await expect.poll(() => berlin.status().client!.peers[0]!.acked, { timeout: 20_000 }).toBe(600)
    expect(most).toBe(8)
  } finally {
    server.closeAllConnections()
    server.close()
  }
})

test('C21: on a link so slow that the receiver cuts each upload, every try keeps what came, and nothing is polled twice', async () => {
  const limits = { stallMsMax: 200, bodyBytesPerSecondMin: 1_048_576, retryMsMin: 10, retryMsMax: 1_000 }
  const tokyo = await nodes.node('tokyo', { config: { limits } })
  const link = await Link.to(tokyo.listen!)
  links.push(link)
  link.bytesPerSecond = 400_000
  const queue = await nodes.queue('berlin', { config: { peers: { tokyo: link.url } } })
  const bodies = range(0, 400).map(n => `${n} ${'x'.repeat(2_000)}`)
  await queue.sendMessages(bodies, { to: 'tokyo' })
  await queue.close()
  await nodes.node('berlin', { config: { peers: { tokyo: link.url }, limits }, roles: ['client'] })
  const got = await take(tokyo.queue, bodies.length)
  expect(got.map(message => message.body)).toEqual(bodies)
  expect(await tokyo.queue.poll({ wait: 300 })).toBeUndefined()
  const bytes = bodies.join('').length
  // All of it once, and a part of it again and again: far from once for each try.
  expect(link.passed).toBeLessThan(bytes * 2.5)
})

/** How long it takes until so many timers of `ms` have ended, one after the other. */
async function timersMs(count: number, ms: number): Promise<number> {
  const since = performance.now()
  for (let n = 0; n < count; n++) await new Promise(resolve => setTimeout(resolve, ms))
  return performance.now() - since
}

test('C22: what a peer does not do in time ends at the time that was set: the connection, the answer, the rest of it, a body that stalls', async () => {
  const silent = await rawPeer(() => undefined)
  const headOnly = await rawPeer(socket => {
    socket.once('data', () =>
      socket.write(`HTTP/1.1 200 OK\r\ncontent-type: ${ANSWER_TYPE}\r\ncontent-length: 99\r\n\r\n`)
    )
  })
  const deaf = await rawPeer(socket => socket.pause())
  const far = { connectMsMax: 30_000, answerMsMax: 30_000, stallMsMax: 30_000 }
  const large = Buffer.alloc(16_000_000)
  const cases = [
    // Nobody answers the greeting of TLS: the connection is never ready. undici looks at this clock twice a second, and counts.
    {
      url: `https://127.0.0.1:${silent}`,
      limits: { ...far, connectMsMax: 10_000 },
      ms: 10_000,
      entries: undefined,
      upTo: 1,
      looks: 20
    },
    { url: peerAt(silent).url, limits: { ...far, answerMsMax: 1_500 }, ms: 1_500, entries: undefined, upTo: 1 },
    { url: peerAt(headOnly).url, limits: { ...far, answerMsMax: 1_500 }, ms: 1_500, entries: undefined, upTo: 1 },
    {
      url: peerAt(deaf).url,
      limits: { ...far, answerMsMax: 100, stallMsMax: 1_500 },
      ms: 1_500,
      entries: large,
      upTo: 2
    }
  ]
  // A busy machine keeps this process from looking, however short its timers are.
  const kept = monitorEventLoopDelay({ resolution: 10 })
  kept.enable()
  const once = async ({ url, limits, entries, ms, upTo, looks = 1 }: (typeof cases)[number]) => {
    const since = performance.now()
    // What timers of that length take in this process now: a busy machine lets them wait too.
    const timer = timersMs(looks, (ms * upTo) / looks)
    const upload = transportWith(limits).upload({ name: 'tokyo', url }, uploadOf(entries ? { entries } : {}), never)
    const failure = await upload.catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: expect.stringMatching(/PEER_TIMEOUT|PEER_UNREACHABLE/) })
    // A tenth, and what a busy machine adds. That a large body stopped moving is seen after twice the time at most.
    return { url, ms, ended: performance.now() - since, most: (await timer) * 1.1 + 250 + kept.max / 1e6 }
  }
  let ends: Awaited<ReturnType<typeof once>>[] = []
  // A machine that stands still now and then does so in one of these.
  for (let round = 0; round < 3; round++) {
    kept.reset()
    ends = await Promise.all(cases.map(once))
    if (ends.every(({ ended, most }) => ended < most)) break
  }
  kept.disable()
  for (const { url, ms, ended, most } of ends) {
    expect(ended, url).toBeGreaterThan(ms * 0.9)
    expect(ended, url).toBeLessThan(most)
  }
})
