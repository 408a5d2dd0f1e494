import { Server, Socket } from 'node:net'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { RealNodes, take } from './real-nodes.ts'

// Real processes on a machine that has other work too.
vi.setConfig({ testTimeout: 120_000 })

let nodes: RealNodes

beforeEach(() => {
  nodes = new RealNodes()
})
afterEach(() => nodes.end())

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

test('A8: 10,000 messages of two processes, the second begun after the first had closed, come out in the order of sending', async () => {
  await nodes.child(['send', 'berlin', 0, 5_000])
  await nodes.child(['send', 'berlin', 5_000, 10_000])
  const got = await take(await nodes.queue('berlin'), 10_000)
  expect(got.map(message => message.body)).toEqual(range(0, 10_000))
})

test('A17: 8 processes send 2,000 messages each from one spool at once: 16,000 ids, all of them at the receiver, each process in order', async () => {
  const tokyo = await nodes.node('tokyo')
  // So that all that the processes sent is there before anything leaves.
  const names = range(0, 8).map(n => `p${n}`)
  const printed = await Promise.all(names.map(name => nodes.child(['send', 'berlin', 0, 2_000, 'tokyo', name])))
  const ids = new Set(printed.flatMap(({ lines }) => lines))
  expect(ids.size).toBe(16_000)
  await nodes.node('berlin', { config: { peers: { tokyo: `http://${tokyo.listen}` } } })
  const got = await take(tokyo.queue, 16_000)
  expect(new Set(got.map(message => message.id))).toEqual(ids)
  for (const name of names) {
    const bodies = got.map(message => message.text()).filter(body => body.startsWith(`${name} `))
    expect(bodies).toEqual(range(0, 2_000).map(n => `${name} ${n}`))
  }
  expect(await tokyo.queue.poll({ wait: 200 })).toBeUndefined()
})

test('A18: a message to this node is synced, polled and done without any network socket, in one process or two', async () => {
  const connects = vi.spyOn(Socket.prototype, 'connect')
  const listens = vi.spyOn(Server.prototype, 'listen')
  try {
    const sender = await nodes.queue('berlin')
    expect(await sender.sendMessage('near')).toMatchObject({ durability: 'synced' })
    const [message] = await take(await nodes.queue('berlin'), 1)
    expect(message).toMatchObject({ body: 'near', from: 'berlin' })
    await nodes.child(['sendNear', 'berlin'])
    await take(sender, 1)
    const ports = [...connects.mock.calls, ...listens.mock.calls].flat(2).filter(given => {
      return typeof given === 'number' || (typeof given === 'object' && given !== null && 'port' in given)
    })
    expect(ports).toEqual([])
    expect(listens).toHaveBeenCalled()
  } finally {
    connects.mockRestore()
    listens.mockRestore()
  }
})
