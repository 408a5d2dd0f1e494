import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createServer } from 'node:net'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { DroprError, QueueOptions } from '../../src/index.ts'
import { CliWorld } from '../cli/run-cli.ts'
import { RealNodes, take } from './real-nodes.ts'
import { STORES } from './stores.ts'

const LIBRARY = path.resolve(import.meta.dirname, '../../dist/lib/index.js')

let nodes: RealNodes

beforeEach(() => {
  nodes = new RealNodes()
})
afterEach(() => nodes.end())

/** How a promise failed, or 'resolved'. */
async function refusal(promise: Promise<unknown>): Promise<DroprError> {
  return promise.then(
    () => {
      throw new Error('it resolved')
    },
    (error: unknown) => error as DroprError
  )
}

test('A1: three lines send a message: an id is printed, the process ends by itself, one entry holds exactly `test`', async () => {
  const world = new CliWorld()
  try {
    const program = [
      `import { openQueue } from ${JSON.stringify(LIBRARY)}`,
      `const queue = await openQueue()`,
      `console.log((await queue.sendMessage('test')).id)`
    ]
    const run = promisify(execFile)
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program.join('\n')], {
      cwd: world.folder,
      timeout: 20_000
    })
    expect(stdout).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f-]{17}\n$/)
    const { value } = await world.json(['ls', '--entries'])
    expect(value).toMatchObject({ room: 'outbox', channel: 'common', id: stdout.trim(), state: 'pending' })
    const polled = await world.run(['poll', 'common', '--wait', '10s'])
    expect(polled.stdout.toString()).toBe('test')
  } finally {
    await world.end()
  }
})

test.each(STORES)(
  'A6: peer, channel and priority are the message’s own; without them it is `common`, priority 4, this node (%s)',
  async store => {
    nodes.store = store
    const tokyo = await nodes.node('tokyo')
    const berlin = await nodes.node('berlin', { config: { peers: { tokyo: `http://${tokyo.listen}` } } })
    await berlin.queue.sendMessage('a', { to: 'tokyo', channel: 'orders/eu', priority: 9 })
    await berlin.queue.sendMessage('b', { to: 'tokyo' })
    await berlin.queue.sendMessage('c')
    expect((await take(tokyo.queue, 1, 'orders/eu'))[0]).toMatchObject({ body: 'a', channel: 'orders/eu', priority: 9 })
    expect((await take(tokyo.queue, 1))[0]).toMatchObject({ body: 'b', channel: 'common', priority: 4, from: 'berlin' })
    expect((await take(berlin.queue, 1))[0]).toMatchObject({
      body: 'c',
      channel: 'common',
      priority: 4,
      from: 'berlin'
    })
  }
)

test.each(STORES)(
  'A7: what waited for a stopped peer comes out by priority, 9 first, as numbers; anything but 0 to 9 is refused (%s)',
  async store => {
    nodes.store = store
    const first = await nodes.node('tokyo')
    const listen = first.listen!
    await first.close()
    const berlin = await nodes.node('berlin', {
      config: { peers: { tokyo: `http://${listen}` }, limits: { retryMsMin: 50, retryMsMax: 1_000 } }
    })
    for (const priority of [9, 1, 0, 5]) await berlin.queue.sendMessage(priority, { to: 'tokyo', priority })
    for (const priority of [10, 1e9, -1, 1.5, Number.NaN, 'x']) {
      const error = await refusal(berlin.queue.sendMessage('x', { to: 'tokyo', priority: priority as number }))
      expect(error).toBeInstanceOf(TypeError)
      expect(error.message).toContain('priority')
    }
    const tokyo = await nodes.node('tokyo', { config: { listen } })
    await expect.poll(() => tokyo.status().server!.depth, { timeout: 20_000 }).toBe(4)
    expect((await take(tokyo.queue, 4)).map(message => message.body)).toEqual([9, 5, 1, 0])
  }
)

test.each(STORES)(
  'A9: bodies of every kind arrive on another node with the same SHA-256, from 0 bytes to the largest that is allowed (%s)',
  async store => {
    nodes.store = store
    const limits = { messageBytesMax: 16_777_216 }
    const tokyo = await nodes.node('tokyo', { config: { limits } })
    const berlin = await nodes.node('berlin', { config: { limits, peers: { tokyo: `http://${tokyo.listen}` } } })
    const all = Buffer.from(Array.from({ length: 70_000 }, (_, i) => (i * 7) & 255))
    const largest = Buffer.alloc(limits.messageBytesMax, all)
    const bodies = ['', 'grüße 🎈\0', Buffer.alloc(0), Buffer.from([0]), all, null, { a: [1, { b: 'x' }] }, 0, largest]
    for (const body of bodies) await berlin.queue.sendMessage(body, { to: 'tokyo' })
    const got = await take(tokyo.queue, bodies.length)
    const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')
    const bytesOf = (body: unknown) =>
      Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
    expect(got.map(message => digest(message.bytes() as Buffer))).toEqual(bodies.map(body => digest(bytesOf(body))))
    expect(got.slice(0, -1).map(message => message.body)).toEqual(bodies.slice(0, -1))
    const error = await refusal(berlin.queue.sendMessage(Buffer.alloc(limits.messageBytesMax + 1), { to: 'tokyo' }))
    expect(error.code).toBe('MESSAGE_TOO_LARGE')
  }
)

test.each(STORES)('A14: a mistyped option throws and is named, and nothing is sent (%s)', async store => {
  nodes.store = store
  const queue = await nodes.queue('berlin')
  const error = await refusal(queue.sendMessage('x', { chanel: 'x' } as object))
  expect(error).toBeInstanceOf(TypeError)
  expect(error.message).toMatch(/chanel.*did you mean channel/)
  expect((await refusal(queue.sendMessages(['x'], { prioritty: 1 } as object))).message).toContain('prioritty')
  expect(await queue.poll({ wait: 200 })).toBeUndefined()
})

test.each(STORES)(
  'A22: every class of failure has its code: configuration, peer, disk, network, credential, size (%s)',
  async store => {
    nodes.store = store
    const accept = { berlin: createHash('sha256').update('right').digest('hex') }
    const tokyo = await nodes.node('tokyo', { config: { accept } })
    const closed = createServer()
    await new Promise<void>(resolve => void closed.listen(0, '127.0.0.1', resolve))
    const { port } = closed.address() as { port: number }
    closed.close()
    const berlin = await nodes.node('berlin', {
      config: {
        peers: { tokyo: { url: `http://${tokyo.listen}`, token: 'w'.repeat(43) }, lima: `http://127.0.0.1:${port}` }
      }
    })
    await berlin.queue.sendMessage('x', { to: ['tokyo', 'lima'] })
    const codes = () =>
      berlin.status().client!.peers.map(({ lastError, troubled }) => lastError?.code ?? troubled[0]?.lastError.code)
    await expect.poll(codes, { timeout: 20_000 }).toEqual(['PEER_FORBIDDEN', 'PEER_UNREACHABLE'])
    expect((await refusal(berlin.queue.sendMessage('x', { to: 'oslo' }))).code).toBe('PEER_UNKNOWN')
    expect((await refusal(berlin.queue.sendMessage('x'.repeat(2_000_000)))).code).toBe('MESSAGE_TOO_LARGE')
    expect((await refusal(nodes.node('berlin'))).code).toBe('DAEMON_RUNNING')
    const taken = { listen: tokyo.listen! }
    expect((await refusal(nodes.node('lima', { config: taken }))).code).toBe('CONFIG_BAD')
    const file = { spool: path.join(import.meta.dirname, 'child.mjs') } as QueueOptions
    expect((await refusal(nodes.queue('file', file))).code).toMatch(/^(DISK_|SPOOL_)/)
  }
)

test.each(STORES)(
  'A23: a message tells its id, sender, channel, priority, when it was sent and when it arrived (%s)',
  async store => {
    nodes.store = store
    const tokyo = await nodes.node('tokyo')
    const berlin = await nodes.node('berlin', { config: { peers: { tokyo: `http://${tokyo.listen}` } } })
    const before = Date.now()
    const { id } = await berlin.queue.sendMessage('x', { to: 'tokyo', channel: 'c', priority: 7 })
    const [message] = await take(tokyo.queue, 1, 'c')
    expect(message).toMatchObject({ id, from: 'berlin', channel: 'c', priority: 7 })
    expect(message!.sentAt).toBeGreaterThanOrEqual(before)
    expect(message!.receivedAt).toBeGreaterThanOrEqual(message!.sentAt)
    expect(message!.receivedAt).toBeLessThanOrEqual(Date.now())
  }
)
